#include "services/payment/order_event_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/services/payment/fake_refunds.h"
#include "tests/support/fake_idempotent_writes.h"

namespace scaleout::payment {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kReservation = "8f14e45f-ceea-467f-a0e6-0242ac120002";

class OrderEventHandlersTest : public ::testing::Test {
 protected:
  absl::StatusOr<EventEffect> Handle(const std::string& payload) {
    return handlers_.at(0).handle(session_, {.id = "0f8fad5b-d9cb-469f-a165-70867728950e",
                                             .type = handlers_.at(0).type,
                                             .aggregate_id = 5,
                                             .sequence = 1,
                                             .payload = payload});
  }
  static std::string Requested(const std::string& order_id, const std::string& reservation_id) {
    return R"({"orderId":")" + order_id + R"(","userId":"7","reservationId":")" + reservation_id +
           R"("})";
  }

  testing::NoSession session_;
  const std::shared_ptr<FakeRefunds> refunds_ = std::make_shared<FakeRefunds>();
  const std::vector<ConsumedEvent> handlers_ = OrderEventHandlers(refunds_);
};

TEST_F(OrderEventHandlersTest, HandlesRequestsForRefundsAlone) {
  ASSERT_EQ(handlers_.size(), 1u);
  EXPECT_EQ(handlers_[0].type, "order.refund_requested");
}

TEST_F(OrderEventHandlersTest, WritesARefundOfTheReservation) {
  const auto effect = Handle(Requested("5", kReservation));
  ASSERT_TRUE(effect.ok()) << effect.status();
  EXPECT_EQ(*effect, EventEffect::kApplied);
  EXPECT_THAT(refunds_->log, ElementsAre("request 5 " + std::string(kReservation)));
}

TEST_F(OrderEventHandlersTest, WritesARefundOfAnOrderThatWasPaidWithoutAReservation) {
  EXPECT_TRUE(Handle(Requested("5", "")).ok());
  EXPECT_THAT(refunds_->log, ElementsAre("request 5 "));
}

TEST_F(OrderEventHandlersTest, ARefundThatIsThereAlreadyIsNoEffect) {
  refunds_->requested = false;
  EXPECT_EQ(Handle(Requested("5", kReservation)).value(), EventEffect::kNone);
}

TEST_F(OrderEventHandlersTest, AnOrderWithoutACapturedPaymentIsAnError) {
  refunds_->requested = absl::NotFoundError("nothing to give back");
  EXPECT_EQ(Handle(Requested("5", kReservation)).status(), refunds_->requested.status());
}

TEST_F(OrderEventHandlersTest, APayloadThatNamesNoOrderIsDeadAtOnce) {
  for (const std::string& payload :
       {std::string("{"), std::string("{}"), Requested("0", kReservation), Requested("-5", ""),
        Requested("5", "no-uuid")}) {
    EXPECT_TRUE(absl::IsDataLoss(Handle(payload).status())) << payload;
  }
  EXPECT_THAT(refunds_->log, IsEmpty());
}

}  // namespace
}  // namespace scaleout::payment
