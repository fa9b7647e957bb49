#include "services/order/reservation_repository.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/scaleout/events/v1/event.h"
#include "scaleout/events/v1/events.pb.h"
#include "tests/integration/reservation_fixture.h"

namespace scaleout::order {
namespace {

using ::testing::ElementsAre;

using ReservationRepositoryTest = ReservationFixture;

std::vector<std::string> Fields(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    fields.push_back(violation.field);
  }
  return fields;
}

TEST_F(ReservationRepositoryTest, ReservesTheOrderForItsTotal) {
  const OrderId id = CreateOrder();
  const absl::StatusOr<Reservation> reserved = Reserve(Wanted(id));
  ASSERT_TRUE(reserved.ok()) << reserved.status();
  EXPECT_EQ(reserved->order_id, id);
  EXPECT_EQ(reserved->user_id, UserId(7));
  EXPECT_EQ(reserved->amount, (Money{1999, "EUR"}));
  EXPECT_EQ(reserved->id.size(), 36u);
  EXPECT_EQ(State(id), "RESERVED");
  EXPECT_EQ(Outcome(reserved->id), "none");
  EXPECT_EQ(OutboxEvents(), Changed(id));
}

TEST_F(ReservationRepositoryTest, RepeatedKeyGetsItsReservationInEveryStateOfTheOrder) {
  const OrderId id = CreateOrder();
  const std::string first = ReservedId(id);
  for (const OrderState state : kOrderStates) {
    SetState(id, state);
    const absl::StatusOr<Reservation> again = Reserve(Wanted(id));
    ASSERT_TRUE(again.ok()) << again.status() << OrderStateName(state);
    EXPECT_EQ(again->id, first);
    EXPECT_EQ(again->order_id, id);
    EXPECT_EQ(again->user_id, UserId(7));
    EXPECT_EQ(again->amount, (Money{1999, "EUR"}));
    EXPECT_EQ(State(id), OrderStateName(state));
  }
  EXPECT_EQ(CountReservations(), "1");
  EXPECT_EQ(OutboxEvents(), Changed(id));
}

TEST_F(ReservationRepositoryTest, ReservationThatHasEndedIsNeverBegunAgain) {
  const OrderId id = CreateOrder();
  const std::string first = ReservedId(id, "first");
  ASSERT_EQ(Settle(Failed(id, first)), "moved");
  EXPECT_EQ(ReservedId(id, "first"), first);
  EXPECT_EQ(State(id), "PAYMENT_FAILED");
  EXPECT_EQ(Outcome(first), "FAILED");
  // Another key is another attempt, and the first key still means the first.
  const std::string second = ReservedId(id, "second");
  EXPECT_NE(second, first);
  EXPECT_EQ(State(id), "RESERVED");
  EXPECT_EQ(ReservedId(id, "first"), first);
  EXPECT_EQ(Outcome(first), "FAILED");
}

TEST_F(ReservationRepositoryTest, KeyOfAnotherPayloadIsRefusedWhereBothSayWhatItIs) {
  WantedReservation wanted = Wanted(CreateOrder());
  wanted.payload_checksum = 0xF000'0000'0000'0001u;  // negative in the table
  const std::string id = ReservedId(wanted);
  EXPECT_EQ(ReservedId(wanted), id);
  for (const std::uint64_t other : {std::uint64_t{2}, std::uint64_t{0xF000'0000'0000'0002}}) {
    wanted.payload_checksum = other;
    EXPECT_EQ(ReasonOf(Reserve(wanted).status()), "IDEMPOTENCY_KEY_REUSED");
  }
  // A gateway of the release before.
  wanted.payload_checksum = 0;
  EXPECT_EQ(ReservedId(wanted), id);
  WantedReservation unsaid = Wanted(CreateOrder(), "unsaid");
  const std::string other = ReservedId(unsaid);
  unsaid.payload_checksum = 1;
  EXPECT_EQ(ReservedId(unsaid), other);
}

TEST_F(ReservationRepositoryTest, CaptureWithoutAReservationWaitsForTheChargeUnderWay) {
  const OrderId id = CreateOrder();
  const std::string reservation = ReservedId(id);
  const Charge unreserved{id, "", Money{1999, "EUR"}};
  EXPECT_THAT(Settle(unreserved), ::testing::HasSubstr("ABORTED"));
  EXPECT_EQ(State(id), "RESERVED");
  ASSERT_EQ(Settle(Failed(id, reservation)), "moved");
  EXPECT_EQ(Settle(unreserved), "moved");
  EXPECT_EQ(State(id), "PAID");
}

TEST_F(ReservationRepositoryTest, KeyOfAnotherRequestIsRefused) {
  const OrderId id = CreateOrder();
  const OrderId other = CreateOrder();
  ReservedId(id);
  std::vector<WantedReservation> requests(4, Wanted(id));
  requests[0].order_id = other;
  requests[1].expected.amount_minor = 1999;
  requests[2].expected.currency = "EUR";
  requests[3].expected.user_id = UserId(7);
  for (const WantedReservation& request : requests) {
    const absl::Status status = Reserve(request).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_EQ(ReasonOf(status), "IDEMPOTENCY_KEY_REUSED");
  }
  EXPECT_EQ(ReasonOf(Reserve(Wanted(OrderId(4711))).status()), "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(State(other), "PENDING");
  EXPECT_EQ(CountReservations(), "1");
}

TEST_F(ReservationRepositoryTest, KeysOfOtherPrincipalsAreOtherKeys) {
  const OrderId id = CreateOrder();
  const OrderId other = CreateOrder();
  const std::string first = ReservedId(id);
  WantedReservation by_lab = Wanted(other);
  by_lab.principal = "lab";
  by_lab.owner = Owner::Anyone();
  EXPECT_NE(ReservedId(by_lab), first);
  EXPECT_EQ(State(other), "RESERVED");
}

TEST_F(ReservationRepositoryTest, OrderOfAnotherUserAndOneThatDoesNotExistAreNotFound) {
  const OrderId id = CreateOrder();
  WantedReservation foreign = Wanted(id);
  foreign.owner = Owner::User(8);
  // Says nothing of what does not fit.
  foreign.expected.amount_minor = 1;
  EXPECT_EQ(Reserve(foreign).status(), NoSuchOrder(id));
  EXPECT_EQ(Reserve(Wanted(OrderId(4711))).status(), NoSuchOrder(OrderId(4711)));
  EXPECT_EQ(State(id), "PENDING");
  EXPECT_EQ(OutboxEvents(), "");
}

TEST_F(ReservationRepositoryTest, OrderThatCannotBePaidIsRefusedWithItsReason) {
  struct Refusal {
    OrderState state;
    absl::StatusCode code;
    std::string reason;
  };
  const OrderId id = CreateOrder();
  const auto precondition = absl::StatusCode::kFailedPrecondition;
  for (const Refusal& refusal :
       {Refusal{OrderState::kReserved, absl::StatusCode::kAborted, "PAYMENT_IN_PROGRESS"},
        {OrderState::kPaid, precondition, "ORDER_ALREADY_PAID"},
        {OrderState::kFulfilled, precondition, "ORDER_ALREADY_PAID"},
        {OrderState::kRefunding, precondition, "ORDER_NOT_PAYABLE"},
        {OrderState::kCancelled, precondition, "ORDER_NOT_PAYABLE"}}) {
    SetState(id, refusal.state);
    const absl::Status status = Reserve(Wanted(id)).status();
    EXPECT_EQ(status.code(), refusal.code) << status;
    EXPECT_EQ(ReasonOf(status), refusal.reason) << status;
    EXPECT_EQ(State(id), OrderStateName(refusal.state));
  }
  EXPECT_EQ(CountReservations(), "0");
  EXPECT_EQ(OutboxEvents(), "");
}

TEST_F(ReservationRepositoryTest, OrderWhosePaymentIsInProgressSaysWhenToAskAgain) {
  const OrderId id = CreateOrder();
  ReservedId(id, "first");
  const absl::Status status = Reserve(Wanted(id, "second")).status();
  EXPECT_EQ(ReasonOf(status), "PAYMENT_IN_PROGRESS");
  EXPECT_EQ(MetadataOf(status).at("retryAfterMs"), "1000");
}

TEST_F(ReservationRepositoryTest, OrderThatCostsNothingCannotBePaid) {
  const OrderId id = CreateOrder();
  Ask("UPDATE orders SET total_minor = 0");
  EXPECT_EQ(ReasonOf(Reserve(Wanted(id)).status()), "ORDER_NOT_PAYABLE");
  EXPECT_EQ(State(id), "PENDING");
}

TEST_F(ReservationRepositoryTest, EveryExpectationThatTheOrderDoesNotMeetIsNamed) {
  const OrderId id = CreateOrder();
  WantedReservation wanted = Wanted(id);
  wanted.owner = Owner::Anyone();
  wanted.expected = {1998, "USD", UserId(8)};
  const absl::Status status = Reserve(wanted).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(Fields(status), ElementsAre("user_id", "amount_minor", "currency_code"));
  // Also of an order that could not be paid anyway.
  SetState(id, OrderState::kPaid);
  EXPECT_TRUE(absl::IsInvalidArgument(Reserve(wanted).status()));
  SetState(id, OrderState::kPending);
  wanted.expected = {1999, "EUR", UserId(7)};
  EXPECT_TRUE(Reserve(wanted).ok());
}

TEST_F(ReservationRepositoryTest, ReservationWhoseEventCannotBeWrittenIsNotMade) {
  const OrderId id = CreateOrder();
  Ask("ALTER TABLE outbox ADD CHECK (id < 0) NOT VALID");
  EXPECT_FALSE(Reserve(Wanted(id)).ok());
  EXPECT_EQ(State(id) + CountReservations(), "PENDING0");
}

TEST_F(ReservationRepositoryTest, CaptureMakesTheOrderPaidOnce) {
  const OrderId id = CreateOrder();
  const std::string reservation = ReservedId(id);
  ForgetEvents();
  EXPECT_EQ(Settle(Captured(id, reservation)), "moved");
  EXPECT_EQ(State(id) + " " + Outcome(reservation), "PAID CAPTURED");
  EXPECT_EQ(OutboxEvents(), Changed(id));
  const std::string updated = Ask("SELECT updated_at FROM orders");
  EXPECT_EQ(Settle(Captured(id, reservation)), "unchanged");
  EXPECT_EQ(Settle(Failed(id, reservation)), "ignored");
  EXPECT_EQ(State(id) + " " + Outcome(reservation), "PAID CAPTURED");
  EXPECT_EQ(OutboxEvents(), Changed(id));
  EXPECT_EQ(Ask("SELECT updated_at FROM orders"), updated);
}

TEST_F(ReservationRepositoryTest, RefusedChargeLeavesAnOrderThatCanBePaidOrCancelled) {
  const OrderId id = CreateOrder();
  const std::string reservation = ReservedId(id);
  EXPECT_EQ(Settle(Failed(id, reservation)), "moved");
  EXPECT_EQ(State(id) + " " + Outcome(reservation), "PAYMENT_FAILED FAILED");
  EXPECT_EQ(Settle(Failed(id, reservation)), "unchanged");
  // A capture after the end is money that fits nothing.
  EXPECT_EQ(Settle(Captured(id, reservation)), "orphaned");
  EXPECT_EQ(State(id) + " " + Outcome(reservation), "PAYMENT_FAILED FAILED");
  EXPECT_TRUE(CallOff(id).ok());
  EXPECT_EQ(State(id), "CANCELLED");
}

TEST_F(ReservationRepositoryTest, ReportOfAnOldReservationDoesNotTouchTheNewOne) {
  const OrderId id = CreateOrder();
  const std::string old = ReservedId(id, "old");
  EXPECT_EQ(Settle(Failed(id, old)), "moved");
  const std::string live = ReservedId(id, "new");
  ForgetEvents();
  EXPECT_EQ(Settle(Failed(id, old)), "unchanged");
  EXPECT_EQ(Settle(Captured(id, old)), "orphaned");
  EXPECT_EQ(State(id) + " " + Outcome(live), "RESERVED none");
  EXPECT_EQ(OutboxEvents(), "");
  EXPECT_EQ(Settle(Captured(id, live)), "moved");
  EXPECT_EQ(State(id), "PAID");
}

TEST_F(ReservationRepositoryTest, ReportThatFitsNoReservationChangesNothing) {
  const OrderId id = CreateOrder();
  const OrderId other = CreateOrder();
  const std::string reservation = ReservedId(id);
  ReservedId(other, "other");
  ForgetEvents();
  EXPECT_EQ(Settle(Captured(OrderId(4711), reservation)), "orphaned");
  EXPECT_EQ(Settle(Failed(OrderId(4711), reservation)), "ignored");
  EXPECT_EQ(Settle(Captured(other, reservation)), "orphaned") << "another order's";
  EXPECT_EQ(Settle(Captured(id, kUnknownId)), "orphaned");
  EXPECT_EQ(Settle(Failed(id, kUnknownId)), "ignored");
  EXPECT_EQ(Settle({id, reservation, Money{1998, "EUR"}}), "orphaned");
  EXPECT_EQ(Settle({id, reservation, Money{1999, "USD"}}), "orphaned");
  EXPECT_EQ(State(id) + " " + Outcome(reservation) + " " + State(other), "RESERVED none RESERVED");
  EXPECT_EQ(OutboxEvents(), "");
}

TEST_F(ReservationRepositoryTest, ReportWithoutAReservationMovesAnOrderThatHasNone) {
  const OrderId paid = CreateOrder();
  EXPECT_EQ(Settle(Failed(paid, "")), "moved");
  EXPECT_EQ(Settle(Failed(paid, "")), "unchanged");
  EXPECT_EQ(State(paid), "PAYMENT_FAILED");
  EXPECT_EQ(Settle(Captured(paid, "")), "moved");
  EXPECT_EQ(State(paid), "PAID");
  EXPECT_EQ(ReasonOf(Reserve(Wanted(paid)).status()), "ORDER_ALREADY_PAID");
}

TEST_F(ReservationRepositoryTest, EffectOfAReportIsRolledBackWithItsTransaction) {
  const OrderId id = CreateOrder();
  const std::string reservation = ReservedId(id);
  ForgetEvents();
  const absl::Status status = outbox_.Transact(call_, [&](PostgresSession& session) {
    EXPECT_TRUE(reservations_->Settle(session, Captured(id, reservation)).ok());
    return absl::AbortedError("the inbox could not be written");
  });
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_EQ(State(id) + " " + Outcome(reservation), "RESERVED none");
  EXPECT_EQ(OutboxEvents(), "");
}

TEST_F(ReservationRepositoryTest, StateThatTheProgramDoesNotKnowFailsEveryChange) {
  const OrderId id = CreateOrder();
  const std::string reservation = ReservedId(id);
  Ask("ALTER TABLE orders DROP CONSTRAINT orders_state_check");
  Ask("UPDATE orders SET state = 'LOST'");
  EXPECT_TRUE(absl::IsInternal(Reserve(Wanted(id, "other")).status()));
  EXPECT_TRUE(absl::IsInternal(reservations_->RequestRefund(call_, id, reservation)));
  EXPECT_TRUE(absl::IsInternal(Refunded(id, reservation).status()));
  EXPECT_EQ(Settle(Captured(id, reservation)).substr(0, 8), "INTERNAL");
  EXPECT_EQ(State(id) + " " + Outcome(reservation), "LOST none");
}

}  // namespace
}  // namespace scaleout::order
