#include "services/order/reservation.h"

#include <gtest/gtest.h>

namespace scaleout::order {
namespace {

TEST(ReservationOutcome, HasANameAndBack) {
  EXPECT_EQ(ReservationOutcomeName(ReservationOutcome::kCaptured), "CAPTURED");
  EXPECT_EQ(ReservationOutcomeName(ReservationOutcome::kFailed), "FAILED");
  EXPECT_EQ(FindReservationOutcome("CAPTURED"), ReservationOutcome::kCaptured);
  EXPECT_EQ(FindReservationOutcome("FAILED"), ReservationOutcome::kFailed);
  EXPECT_EQ(FindReservationOutcome("LOST"), std::nullopt);
  EXPECT_EQ(FindReservationOutcome(""), std::nullopt);
}

}  // namespace
}  // namespace scaleout::order
