// How an order that was paid is called off: its refund is requested once, and ends with the event
// that says so.
#include <string>

#include "proto/scaleout/events/v1/event.h"
#include "scaleout/events/v1/events.pb.h"
#include "tests/integration/reservation_fixture.h"

namespace scaleout::order {
namespace {

class ReservationRefundsTest : public ReservationFixture {
 protected:
  // Of the only event that requests a refund.
  events::v1::OrderRefundRequested RefundRequest() {
    events::v1::OrderRefundRequested message;
    const std::string payload =
        Ask("SELECT payload FROM outbox WHERE type = 'order.refund_requested'");
    EXPECT_TRUE(events::v1::ParsePayload(payload, message).ok()) << payload;
    return message;
  }

  std::string ReasonOfRefund(OrderId id, const std::string& reservation) {
    return ReasonOf(reservations_->RequestRefund(call_, id, reservation));
  }
};

TEST_F(ReservationRefundsTest, CancellationOfAPaidOrderRequestsItsRefundOnce) {
  const auto [id, reservation] = PaidOrder();
  for (int i = 0; i < 2; ++i) {
    const absl::StatusOr<Order> order = orders_->CallOff(call_, id, Owner::User(7));
    ASSERT_TRUE(order.ok()) << order.status();
    EXPECT_EQ(order->state, OrderState::kRefunding);
    EXPECT_EQ(OutboxEvents(), Changed(id) + ", " + RefundRequested(id));
  }
  EXPECT_EQ(RefundRequest().order_id(), id.value());
  EXPECT_EQ(RefundRequest().user_id(), 7);
  EXPECT_EQ(RefundRequest().reservation_id(), reservation);
}

TEST_F(ReservationRefundsTest, RequestedTwiceItIsOneEvent) {
  const auto [id, reservation] = PaidOrder();
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(reservations_->RequestRefund(call_, id, reservation).ok());
    EXPECT_EQ(State(id), "REFUNDING");
  }
  EXPECT_TRUE(CallOff(id).ok());
  EXPECT_EQ(OutboxEvents(), Changed(id) + ", " + RefundRequested(id));
}

TEST_F(ReservationRefundsTest, RefundedOrderIsCancelledOnce) {
  const auto [id, reservation] = PaidOrder();
  EXPECT_FALSE(Refunded(id, reservation).value()) << "that was never requested";
  EXPECT_EQ(State(id), "PAID");
  ASSERT_TRUE(CallOff(id).ok());
  ForgetEvents();
  EXPECT_FALSE(Refunded(id, kUnknownId).value());
  EXPECT_FALSE(Refunded(id, "").value());
  EXPECT_FALSE(Refunded(OrderId(4711), reservation).value());
  EXPECT_EQ(State(id), "REFUNDING");
  EXPECT_TRUE(Refunded(id, reservation).value());
  EXPECT_EQ(State(id), "CANCELLED");
  EXPECT_EQ(OutboxEvents(), Changed(id));
  EXPECT_FALSE(Refunded(id, reservation).value());
  // Repeated requests find that it is done, and the order is never paid again.
  EXPECT_TRUE(CallOff(id).ok());
  EXPECT_TRUE(reservations_->RequestRefund(call_, id, reservation).ok());
  EXPECT_EQ(OutboxEvents(), Changed(id));
  EXPECT_EQ(ReasonOf(Reserve(Wanted(id, "another")).status()), "ORDER_NOT_PAYABLE");
  EXPECT_EQ(Settle(Captured(id, reservation)), "unchanged");
  EXPECT_EQ(State(id), "CANCELLED");
}

TEST_F(ReservationRefundsTest, OnlyWhatTheOrderWasPaidWithIsRefunded) {
  const OrderId id = CreateOrder();
  const std::string failed = ReservedId(id, "failed");
  EXPECT_EQ(ReasonOfRefund(id, failed), "PAYMENT_IN_PROGRESS") << "may be paid in a moment";
  ASSERT_EQ(Settle(Failed(id, failed)), "moved");
  EXPECT_EQ(ReasonOfRefund(id, failed), "ORDER_NOT_REFUNDABLE");
  EXPECT_EQ(ReasonOfRefund(id, ""), "ORDER_NOT_REFUNDABLE");
  const std::string captured = ReservedId(id, "captured");
  ASSERT_EQ(Settle(Captured(id, captured)), "moved");
  ForgetEvents();
  for (const std::string& other : {failed, std::string(kUnknownId), std::string()}) {
    EXPECT_EQ(ReasonOfRefund(id, other), "ORDER_NOT_REFUNDABLE") << other;
  }
  EXPECT_EQ(State(id) + OutboxEvents(), "PAID");
  SetState(id, OrderState::kFulfilled);
  EXPECT_EQ(ReasonOfRefund(id, captured), "ORDER_NOT_REFUNDABLE");
  EXPECT_TRUE(absl::IsFailedPrecondition(CallOff(id)));
  EXPECT_EQ(reservations_->RequestRefund(call_, OrderId(4711), captured),
            NoSuchOrder(OrderId(4711)));
}

TEST_F(ReservationRefundsTest, CancelledOrderThatWasNeverPaidHasNothingToRefund) {
  const OrderId id = CreateOrder();
  ASSERT_TRUE(CallOff(id).ok());
  EXPECT_EQ(ReasonOfRefund(id, ""), "ORDER_NOT_REFUNDABLE");
  EXPECT_EQ(ReasonOfRefund(id, kUnknownId), "ORDER_NOT_REFUNDABLE");
}

TEST_F(ReservationRefundsTest, OrderThatWasPaidBeforeThereWereReservationsIsRefundedWithoutOne) {
  const OrderId id = CreateOrder();
  ASSERT_EQ(Settle(Captured(id, "")), "moved");
  EXPECT_EQ(ReasonOfRefund(id, kUnknownId), "ORDER_NOT_REFUNDABLE");
  ASSERT_TRUE(reservations_->RequestRefund(call_, id, "").ok());
  EXPECT_EQ(RefundRequest().reservation_id(), "");
  EXPECT_FALSE(Refunded(id, kUnknownId).value());
  EXPECT_TRUE(Refunded(id, "").value());
  EXPECT_EQ(State(id), "CANCELLED");
}

TEST_F(ReservationRefundsTest, RefundWhoseEventCannotBeWrittenIsNotBegun) {
  const auto [id, reservation] = PaidOrder();
  Ask("ALTER TABLE outbox ADD CHECK (type <> 'order.refund_requested') NOT VALID");
  EXPECT_FALSE(CallOff(id).ok());
  EXPECT_FALSE(reservations_->RequestRefund(call_, id, reservation).ok());
  EXPECT_EQ(State(id) + OutboxEvents(), "PAID");
}

}  // namespace
}  // namespace scaleout::order
