#include "services/order/reservation.h"

namespace scaleout::order {

std::string_view ReservationOutcomeName(ReservationOutcome outcome) {
  switch (outcome) {
    case ReservationOutcome::kCaptured:
      return "CAPTURED";
    case ReservationOutcome::kFailed:
      return "FAILED";
  }
  return "";
}

std::optional<ReservationOutcome> FindReservationOutcome(std::string_view name) {
  for (const ReservationOutcome outcome :
       {ReservationOutcome::kCaptured, ReservationOutcome::kFailed}) {
    if (ReservationOutcomeName(outcome) == name) return outcome;
  }
  return std::nullopt;
}

}  // namespace scaleout::order
