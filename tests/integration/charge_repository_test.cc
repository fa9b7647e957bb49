#include "services/payment/charge_repository.h"

#include <functional>
#include <string>
#include <vector>

#include "common/status.h"
#include "tests/integration/charge_fixture.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;
using scaleout::testing::CallFor;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using ChargeRepositoryTest = ChargeFixture;

TEST_F(ChargeRepositoryTest, CommitsThePaymentAsAuthorizedBeforeTheProviderIsAsked) {
  EXPECT_TRUE(Begins(Wanted()));
  EXPECT_EQ(Ask("SELECT concat_ws(' ', reservation_id, order_id, user_id, state, amount_minor,"
                " currency, provider_reference, failure_reason) FROM payments"),
            ReservationId() + " 1 7 AUTHORIZED 1999 EUR");
  const std::string id = Ask("SELECT id FROM payments");
  EXPECT_EQ(OutboxEvents(), "payment.changed " + id);
}

TEST_F(ChargeRepositoryTest, CapturedChargeIsPublishedAndStoredAsTheAnswer) {
  ASSERT_TRUE(Begins(Wanted()));
  const auto decided = charges_->Decide(call_, ReservationId(), kApproved);
  ASSERT_TRUE(decided.ok()) << decided.status();
  EXPECT_FALSE(decided->earlier);
  const v1::Payment payment = PaymentIn(decided->json);
  EXPECT_EQ(payment.status(), v1::PAYMENT_STATUS_CAPTURED);
  EXPECT_EQ(payment.provider_reference(), "sim_1");
  EXPECT_EQ(payment.reservation_id(), ReservationId());
  const std::string id = std::to_string(payment.id());
  EXPECT_EQ(OutboxEvents(),
            "payment.changed " + id + ", payment.captured " + id + ", payment.changed " + id);
  EXPECT_EQ(
      Ask("SELECT payload::json->>'reservationId' FROM outbox WHERE type = 'payment.captured'"),
      ReservationId());
}

TEST_F(ChargeRepositoryTest, DeclinedChargeIsAFailedPaymentWithItsReason) {
  ASSERT_TRUE(Begins(Wanted()));
  const auto decided = charges_->Decide(call_, ReservationId(), kDeclined);
  ASSERT_TRUE(decided.ok()) << decided.status();
  const v1::Payment payment = PaymentIn(decided->json);
  EXPECT_EQ(payment.status(), v1::PAYMENT_STATUS_FAILED);
  EXPECT_EQ(payment.failure_reason(), "card_declined");
  EXPECT_THAT(payment.provider_reference(), IsEmpty());
  EXPECT_THAT(OutboxEvents(), HasSubstr("payment.failed " + std::to_string(payment.id())));
}

TEST_F(ChargeRepositoryTest, VoidedChargeHasFailedBecauseTheProviderDidNotAnswer) {
  ASSERT_TRUE(Begins(Wanted()));
  const auto decided = charges_->Decide(call_, ReservationId(), {false, "", kVoidedCharge});
  ASSERT_TRUE(decided.ok()) << decided.status();
  EXPECT_EQ(PaymentIn(decided->json).failure_reason(), "provider_timeout");
}

TEST_F(ChargeRepositoryTest, AnswersARepeatedCallAsItAnsweredTheFirst) {
  ASSERT_TRUE(Begins(Wanted()));
  const auto decided = charges_->Decide(call_, ReservationId(), kApproved);
  ASSERT_TRUE(decided.ok()) << decided.status();
  // Whatever has become of the payment since.
  Ask("UPDATE payments SET state = 'REFUNDED'");
  const std::string events = OutboxEvents();
  const auto again = charges_->Begin(call_, Wanted());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, decided->json);
  EXPECT_EQ(OutboxEvents(), events);
}

TEST_F(ChargeRepositoryTest, TheFirstDecisionStays) {
  ASSERT_TRUE(Begins(Wanted()));
  const auto first = charges_->Decide(call_, ReservationId(), kApproved);
  const std::string events = OutboxEvents();
  const std::string decided_at = Ask("SELECT decided_at FROM charges");
  const auto second = charges_->Decide(call_, ReservationId(), kDeclined);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->earlier);
  EXPECT_EQ(second->json, first->json);
  EXPECT_EQ(States(), "CAPTURED");
  EXPECT_EQ(OutboxEvents(), events);
  // From when the answer is kept for a day.
  EXPECT_EQ(Ask("SELECT decided_at FROM charges"), decided_at);
}

TEST_F(ChargeRepositoryTest, OneOfConcurrentDecisionsIsMade) {
  ASSERT_TRUE(Begins(Wanted()));
  const std::function<absl::StatusOr<StoredAnswer>()> decide = [this] {
    return charges_->Decide(call_, ReservationId(), kApproved);
  };
  int made = 0;
  for (const auto& decided :
       RunBehindLock("LOCK TABLE charges IN SHARE MODE", std::vector(kRacingCalls, decide))) {
    ASSERT_TRUE(decided.ok()) << decided.status();
    made += decided->earlier ? 0 : 1;
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox WHERE type = 'payment.captured'"), "1");
}

TEST_F(ChargeRepositoryTest, DecidesNothingForAReservationWithoutACharge) {
  EXPECT_TRUE(absl::IsNotFound(charges_->Decide(call_, ReservationId(), kApproved).status()));
  ASSERT_TRUE(charges_->Settle(call_, ReservationId()).ok());
  EXPECT_TRUE(absl::IsNotFound(charges_->Decide(call_, ReservationId(), kApproved).status()));
  EXPECT_EQ(Ask("SELECT count(*) FROM charges WHERE decided_at IS NOT NULL"), "0");
}

TEST_F(ChargeRepositoryTest, APaymentWhoseEventsCannotBeWrittenIsNotBegunAndNotDecided) {
  Ask("ALTER TABLE outbox ADD CONSTRAINT none CHECK (aggregate_id < 0)");
  EXPECT_FALSE(charges_->Begin(call_, Wanted()).ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM charges"), "0");
  Ask("ALTER TABLE outbox DROP CONSTRAINT none");
  ASSERT_TRUE(Begins(Wanted()));
  Ask("ALTER TABLE outbox ADD CONSTRAINT none CHECK (aggregate_id < 0) NOT VALID");
  EXPECT_FALSE(charges_->Decide(call_, ReservationId(), kApproved).ok());
  EXPECT_EQ(States(), "AUTHORIZED");
}

TEST_F(ChargeRepositoryTest, RefusesAnotherPaymentForAReservationInEveryState) {
  std::vector<NewPayment> others(4, Wanted());
  others[0].order_id = OrderId(4);
  others[1].amount.amount_minor = 2000;
  others[2].amount.currency = "USD";
  others[3].payment_method_token = "tok_decline";
  const auto expect_all_refused = [&] {
    for (const NewPayment& other : others) {
      const auto reused = charges_->Begin(call_, other);
      EXPECT_TRUE(absl::IsFailedPrecondition(reused.status())) << reused.status();
      EXPECT_EQ(ReasonOf(reused.status()), "IDEMPOTENCY_KEY_REUSED");
    }
  };
  ASSERT_TRUE(Begins(Wanted()));
  expect_all_refused();
  ASSERT_TRUE(charges_->Release(call_, ReservationId()).ok());
  expect_all_refused();
  ASSERT_TRUE(charges_->Decide(call_, ReservationId(), kApproved).ok());
  expect_all_refused();
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "1");
}

TEST_F(ChargeRepositoryTest, LetsOneOfConcurrentCallsBegin) {
  const std::function<absl::StatusOr<std::optional<std::string>>()> begin = [this] {
    return charges_->Begin(call_, Wanted());
  };
  int begun = 0;
  for (const auto& answer :
       RunBehindLock("LOCK TABLE charges IN SHARE MODE", std::vector(kRacingCalls, begin))) {
    if (answer.ok()) {
      EXPECT_FALSE(*answer);
      ++begun;
      continue;
    }
    EXPECT_TRUE(absl::IsAborted(answer.status())) << answer.status();
    EXPECT_EQ(ReasonOf(answer.status()), "IDEMPOTENCY_KEY_IN_PROGRESS");
    const auto retry_after = std::stoll(MetadataOf(answer.status())["retryAfterMs"]);
    EXPECT_GT(retry_after, 0);
    EXPECT_LE(retry_after, 3'600'000);
  }
  EXPECT_EQ(begun, 1);
}

TEST_F(ChargeRepositoryTest, AnOrderHasOneLivePayment) {
  ASSERT_TRUE(Begins(Wanted(1)));
  NewPayment other = Wanted(2);
  other.order_id = Wanted(1).order_id;
  const auto refused = charges_->Begin(call_, other);
  EXPECT_TRUE(absl::IsAborted(refused.status())) << refused.status();
  EXPECT_EQ(ReasonOf(refused.status()), "PAYMENT_IN_PROGRESS");
  EXPECT_EQ(Ask("SELECT count(*) FROM charges"), "1");
  // A failed one is not live.
  ASSERT_TRUE(charges_->Decide(call_, ReservationId(1), kDeclined).ok());
  EXPECT_TRUE(Begins(other));
}

TEST_F(ChargeRepositoryTest, AnOrderThatWasPaidWithoutAReservationIsNotChargedAgain) {
  Ask("INSERT INTO payments (order_id, user_id, state, amount_minor, currency, provider_reference)"
      " VALUES (1, 7, 'CAPTURED', 1999, 'EUR', 'sim_old'), (2, 7, 'REFUNDED', 1999, 'EUR', "
      "'sim_2')");
  const auto refused = charges_->Begin(call_, Wanted(1));
  EXPECT_TRUE(absl::IsAborted(refused.status())) << refused.status();
  EXPECT_EQ(ReasonOf(refused.status()), "PAYMENT_IN_PROGRESS");
  EXPECT_EQ(Ask("SELECT count(*) FROM charges"), "0");
  EXPECT_TRUE(Begins(Wanted(2)));
}

TEST_F(ChargeRepositoryTest, ARepeatedCallGoesOnWhenTheLeaseIsOver) {
  const auto short_lease = ChargesWith(0ms, 1h);
  ASSERT_FALSE(short_lease->Begin(call_, Wanted())->has_value());
  EXPECT_TRUE(Begins(Wanted()));
  // Which has the lease now.
  EXPECT_TRUE(absl::IsAborted(charges_->Begin(call_, Wanted()).status()));
  ASSERT_TRUE(charges_->Release(call_, ReservationId()).ok());
  EXPECT_TRUE(Begins(Wanted()));
  EXPECT_EQ(Ask("SELECT count(*) FROM payments"), "1");
}

TEST_F(ChargeRepositoryTest, ARepeatedCallLeavesAChargeToTheSweeperWhenItsTimeHasCome) {
  const auto due = ChargesWith(0ms, 0ms);
  ASSERT_FALSE(due->Begin(call_, Wanted())->has_value());
  const auto again = charges_->Begin(call_, Wanted());
  EXPECT_EQ(ReasonOf(again.status()), "IDEMPOTENCY_KEY_IN_PROGRESS");
  // The sweeper has asked, and nothing was decided: a call may go on again.
  EXPECT_EQ(charges_->TakeDue(call_)->value(), ReservationId());
  EXPECT_TRUE(Begins(Wanted()));
}

TEST_F(ChargeRepositoryTest, GivesASweeperWhatIsDueAndHasNoCallAtWorkOnce) {
  EXPECT_FALSE(charges_->TakeDue(call_)->has_value());
  ASSERT_TRUE(Begins(Wanted(1)));                                    // not due
  ASSERT_TRUE(ChargesWith(1h, 0ms)->Begin(call_, Wanted(2)).ok());   // a call is at work
  ASSERT_TRUE(ChargesWith(0ms, 0ms)->Begin(call_, Wanted(3)).ok());  // decided
  ASSERT_TRUE(charges_->Decide(call_, ReservationId(3), kApproved).ok());
  ASSERT_TRUE(charges_->Settle(call_, ReservationId(4)).ok());  // refused
  ASSERT_TRUE(ChargesWith(0ms, 0ms)->Begin(call_, Wanted(5)).ok());
  EXPECT_EQ(charges_->TakeDue(call_)->value_or("none"), ReservationId(5));
  EXPECT_FALSE(charges_->TakeDue(call_)->has_value());
  ASSERT_TRUE(charges_->Release(call_, ReservationId(2)).ok());
  EXPECT_EQ(charges_->TakeDue(call_)->value_or("none"), ReservationId(2));
}

TEST_F(ChargeRepositoryTest, GivesALongOpenChargeToASweeperLessOften) {
  const auto waits = [this](const std::string& age) {
    Ask("UPDATE charges SET settle_at = now(), created_at = now() - interval '" + age + "'");
    EXPECT_TRUE(ChargesWith(0ms, 5s)->TakeDue(call_).value().has_value());
    return Ask("SELECT round(extract(epoch FROM settle_at - now())) FROM charges");
  };
  ASSERT_TRUE(ChargesWith(0ms, 0ms)->Begin(call_, Wanted()).ok());
  EXPECT_EQ(waits("9 seconds"), "5");
  EXPECT_EQ(waits("40 seconds"), "20");
  EXPECT_EQ(waits("1 day"), "60");
}

TEST_F(ChargeRepositoryTest, TwoSweepersAreNotGivenTheSame) {
  const auto due = ChargesWith(0ms, 0ms);
  for (int n = 1; n <= 3; ++n) ASSERT_TRUE(due->Begin(call_, Wanted(n)).ok());
  std::vector<std::string> taken;
  pqxx::connection other(conninfo_);
  pqxx::work sweep(other);
  sweep.exec("SELECT FROM charges WHERE reservation_id = '" + ReservationId(1) + "' FOR UPDATE");
  while (const auto reservation = charges_->TakeDue(call_).value()) taken.push_back(*reservation);
  EXPECT_THAT(taken, ::testing::ElementsAre(ReservationId(2), ReservationId(3)));
}

TEST_F(ChargeRepositoryTest, SaysWhatBecameOfAReservation) {
  using Outcome = Settlement::Outcome;
  ASSERT_TRUE(Begins(Wanted(1)));
  EXPECT_EQ(charges_->Settle(call_, ReservationId(1))->outcome, Outcome::kUndecided);
  ASSERT_TRUE(charges_->Decide(call_, ReservationId(1), kApproved).ok());
  const auto captured = charges_->Settle(call_, ReservationId(1));
  EXPECT_EQ(captured->outcome, Outcome::kCaptured);
  EXPECT_EQ(captured->amount.amount_minor, 1999);
  EXPECT_EQ(captured->amount.currency, "EUR");
  Ask("UPDATE payments SET state = 'REFUNDED'");
  EXPECT_EQ(charges_->Settle(call_, ReservationId(1))->outcome, Outcome::kCaptured);
  Make(Wanted(2), kDeclined);
  EXPECT_EQ(charges_->Settle(call_, ReservationId(2))->outcome, Outcome::kFailed);
}

TEST_F(ChargeRepositoryTest, ACallAfterAReservationWasEndedIsRefused) {
  EXPECT_EQ(charges_->Settle(call_, ReservationId())->outcome, Settlement::Outcome::kFailed);
  EXPECT_EQ(charges_->Settle(call_, ReservationId())->outcome, Settlement::Outcome::kFailed);
  const auto late = charges_->Begin(call_, Wanted());
  EXPECT_TRUE(absl::IsFailedPrecondition(late.status())) << late.status();
  EXPECT_EQ(ReasonOf(late.status()), "RESERVATION_ENDED");
  EXPECT_EQ(States(), "");
  EXPECT_EQ(OutboxEvents(), "");
}

TEST_F(ChargeRepositoryTest, OfACallAndASettlementAtOnceOneComesFirst) {
  const std::function<bool()> begin = [this] { return charges_->Begin(call_, Wanted()).ok(); };
  const std::function<bool()> settle = [this] {
    return charges_->Settle(call_, ReservationId())->outcome == Settlement::Outcome::kFailed;
  };
  const std::vector<bool> done =
      RunBehindLock<bool>("LOCK TABLE charges IN SHARE MODE", {begin, settle});
  EXPECT_NE(done[0], done[1]);
}

TEST_F(ChargeRepositoryTest, ForgetsAnswersAfterADay) {
  Make(Wanted(1), {true, "sim_1", ""});
  Make(Wanted(2), {true, "sim_2", ""});
  ASSERT_TRUE(Begins(Wanted(3)));
  Ask("UPDATE charges SET decided_at = decided_at - interval '24 hours 1 second'"
      " WHERE reservation_id = '" +
      ReservationId(1) + "'");
  EXPECT_EQ(charges_->Purge(call_, 10).value(), 1);
  EXPECT_EQ(charges_->Purge(call_, 10).value(), 0);
  EXPECT_EQ(ReasonOf(charges_->Begin(call_, Wanted(1)).status()), "RESERVATION_ENDED");
  EXPECT_TRUE(charges_->Begin(call_, Wanted(2))->has_value());
  EXPECT_EQ(Ask("SELECT count(*) FROM charges"), "3");
}

TEST_F(ChargeRepositoryTest, PurgesNoMoreThanItIsAskedTo) {
  for (int n = 1; n <= 3; ++n) Make(Wanted(n), {true, "sim_" + std::to_string(n), ""});
  Ask("UPDATE charges SET decided_at = decided_at - interval '25 hours'");
  EXPECT_EQ(charges_->Purge(call_, 2).value(), 2);
  EXPECT_EQ(charges_->Purge(call_, 2).value(), 1);
}

}  // namespace
}  // namespace scaleout::payment
