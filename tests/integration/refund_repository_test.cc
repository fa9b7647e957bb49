#include "services/payment/refund_repository.h"

#include <string>

#include "services/payment/provider_ledger.h"
#include "tests/integration/charge_fixture.h"
#include "tests/integration/transacted.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;

class RefundRepositoryTest : public ChargeFixture {
 protected:
  absl::StatusOr<bool> Request(OrderId order_id, const std::string& reservation_id) {
    return testing::Transacted(call_, outbox_, [&](PostgresSession& session) {
      return refunds_->Request(session, order_id, reservation_id);
    });
  }

  Refund Requested(int n = 1) {
    Make(Wanted(n), {true, "sim_" + std::to_string(n), ""});
    EXPECT_TRUE(Request(Wanted(n).order_id, ReservationId(n)).value());
    return TakeDue(1h).value();
  }

  std::optional<Refund> TakeDue(std::chrono::milliseconds again_after) {
    const auto due = refunds_->TakeDue(call_, again_after);
    EXPECT_TRUE(due.ok()) << due.status();
    return due.ok() ? *due : std::nullopt;
  }

  std::string Refunds() {
    return Ask(
        "SELECT coalesce(string_agg(concat_ws(' ', payment_id, state, refusal), ','"
        " ORDER BY payment_id), '') FROM refunds");
  }

  const std::unique_ptr<RefundRepository> refunds_ = MakeRefundRepository(*pool_, outbox_);
};

TEST_F(RefundRepositoryTest, WritesOneRefundHoweverOftenItIsAskedFor) {
  const Payment paid = Make(Wanted(), kApproved);
  EXPECT_TRUE(Request(OrderId(1), ReservationId()).value());
  EXPECT_FALSE(Request(OrderId(1), ReservationId()).value());
  EXPECT_EQ(Refunds(), std::to_string(paid.id.value()) + " PENDING");
  const auto refund = TakeDue(1h);
  ASSERT_TRUE(refund);
  EXPECT_EQ(refund->payment_id, paid.id);
  EXPECT_EQ(refund->provider_reference, "sim_1");
  EXPECT_EQ(refund->amount.amount_minor, 1999);
  EXPECT_EQ(refund->amount.currency, "EUR");
}

TEST_F(RefundRepositoryTest, RefusesWhatWasNotCapturedForThatOrder) {
  EXPECT_TRUE(absl::IsNotFound(Request(OrderId(1), ReservationId()).status()));
  ASSERT_TRUE(Begins(Wanted(1)));
  EXPECT_TRUE(absl::IsNotFound(Request(OrderId(1), ReservationId(1)).status()));
  Make(Wanted(2), kDeclined);
  EXPECT_TRUE(absl::IsNotFound(Request(OrderId(2), ReservationId(2)).status()));
  Make(Wanted(3), kApproved);
  EXPECT_TRUE(absl::IsNotFound(Request(OrderId(4), ReservationId(3)).status()));
  EXPECT_TRUE(absl::IsNotFound(Request(OrderId(3), "").status()));
  EXPECT_EQ(Refunds(), "");
}

TEST_F(RefundRepositoryTest, FindsThePaymentsThatWereMadeBeforeReservations) {
  Ask("INSERT INTO payments (id, order_id, user_id, state, amount_minor, currency,"
      " provider_reference) VALUES (11, 3, 7, 'CAPTURED', 1, 'EUR', 'a'),"
      " (12, 3, 7, 'CAPTURED', 1, 'EUR', 'b'), (13, 4, 7, 'CAPTURED', 1, 'EUR', 'c')");
  EXPECT_TRUE(Request(OrderId(3), "").value());
  EXPECT_EQ(Refunds(), "11 PENDING,12 PENDING");
  EXPECT_FALSE(Request(OrderId(3), "").value());
}

TEST_F(RefundRepositoryTest, GivesARefundThatIsDueToOneSweeper) {
  EXPECT_FALSE(TakeDue(1h));
  Make(Wanted(), kApproved);
  ASSERT_TRUE(Request(OrderId(1), ReservationId()).value());
  EXPECT_TRUE(TakeDue(0ms));
  EXPECT_TRUE(TakeDue(1h));
  EXPECT_FALSE(TakeDue(1h));
}

TEST_F(RefundRepositoryTest, CompletedRefundIsPublishedOnce) {
  const Refund refund = Requested();
  const std::string before = OutboxEvents();
  ASSERT_TRUE(refunds_->Complete(call_, refund).ok());
  EXPECT_EQ(States(), "REFUNDED");
  const std::string id = std::to_string(refund.payment_id.value());
  EXPECT_EQ(Refunds(), id + " DONE");
  const std::string after = before + ", payment.refunded " + id + ", payment.changed " + id;
  EXPECT_EQ(OutboxEvents(), after);
  EXPECT_EQ(
      Ask("SELECT payload::json->>'reservationId' FROM outbox WHERE type = 'payment.refunded'"),
      ReservationId());
  // Of two sweepers that both had the provider's answer the second changes nothing.
  EXPECT_TRUE(refunds_->Complete(call_, refund).ok());
  EXPECT_TRUE(refunds_->Refuse(call_, refund, "unknown_charge").ok());
  EXPECT_EQ(OutboxEvents(), after);
  EXPECT_EQ(Refunds(), id + " DONE");
}

TEST_F(RefundRepositoryTest, RefundOfAPaymentThatIsNotCapturedIsNotCompleted) {
  const Refund refund = Requested();
  Ask("UPDATE payments SET state = 'REFUNDED'");
  EXPECT_TRUE(absl::IsInternal(refunds_->Complete(call_, refund)));
  EXPECT_EQ(Ask("SELECT state FROM refunds"), "PENDING");
}

TEST_F(RefundRepositoryTest, CountsWhatTheProviderHasRefused) {
  EXPECT_EQ(refunds_->CountRefused(call_).value(), 0);
  const Refund refund = Requested();
  ASSERT_TRUE(refunds_->Refuse(call_, refund, "unknown_charge").ok());
  EXPECT_EQ(refunds_->CountRefused(call_).value(), 1);
  EXPECT_EQ(Refunds(), std::to_string(refund.payment_id.value()) + " REFUSED unknown_charge");
  EXPECT_EQ(States(), "CAPTURED");
  EXPECT_FALSE(TakeDue(0ms));
}

// The simulated provider's books.
class ProviderLedgerTest : public ChargeFixture {
 protected:
  absl::StatusOr<LedgerEntry> Enter(const std::string& reference, const ChargeAnswer& answer,
                                    std::chrono::milliseconds settles_in = 0ms) {
    ChargeRequest request;
    request.reference = reference;
    request.amount.amount_minor = 1999;
    request.amount.currency = "EUR";
    request.payment_method_token = "tok_success";
    return ledger_->Enter(call_, request, answer, settles_in);
  }

  const std::unique_ptr<ProviderLedger> ledger_ = MakeProviderLedger(*pool_);
};

TEST_F(ProviderLedgerTest, KeepsTheFirstAnswerOfAReference) {
  EXPECT_EQ(ledger_->Find(call_, "a")->state, ChargeReport::State::kUnknown);
  EXPECT_TRUE(Enter("a", kApproved)->fresh);
  const auto again = Enter("a", {false, "sim_2", "card_declined"});
  EXPECT_FALSE(again->fresh);
  EXPECT_TRUE(again->report.answer.approved);
  const auto found = ledger_->Find(call_, "a");
  EXPECT_EQ(found->state, ChargeReport::State::kFinal);
  EXPECT_EQ(found->answer.provider_reference, "sim_1");
}

TEST_F(ProviderLedgerTest, AChargeThatSettlesLaterIsPendingUntilThen) {
  EXPECT_EQ(Enter("a", kApproved, 1h)->report.state, ChargeReport::State::kPending);
  EXPECT_EQ(ledger_->Find(call_, "a")->state, ChargeReport::State::kPending);
  EXPECT_EQ(ledger_->Void(call_, "a")->state, ChargeReport::State::kPending);
  Ask("UPDATE simulated_provider_charges SET settles_at = now()");
  EXPECT_TRUE(ledger_->Find(call_, "a")->answer.approved);
}

TEST_F(ProviderLedgerTest, AVoidComesFirstOrChangesNothing) {
  EXPECT_EQ(ledger_->Void(call_, "a")->answer.decline_reason, kVoidedCharge);
  EXPECT_EQ(ledger_->Void(call_, "a")->answer.decline_reason, kVoidedCharge);
  const auto late = Enter("a", kApproved);
  EXPECT_FALSE(late->fresh);
  EXPECT_FALSE(late->report.answer.approved);
  ASSERT_TRUE(Enter("b", kApproved)->fresh);
  EXPECT_TRUE(ledger_->Void(call_, "b")->answer.approved);
}

TEST_F(ProviderLedgerTest, GivesAChargeBackOnce) {
  const Money amount = {1999, "EUR"};
  EXPECT_EQ(ledger_->EnterRefund(call_, {"r", "sim_1", amount})->refusal, "unknown_charge");
  ASSERT_TRUE(Enter("a", kApproved).ok());
  EXPECT_EQ(ledger_->EnterRefund(call_, {"r", "sim_1", {1998, "EUR"}})->refusal, "unknown_charge");
  EXPECT_TRUE(ledger_->EnterRefund(call_, {"r", "sim_1", amount})->accepted);
  EXPECT_TRUE(ledger_->EnterRefund(call_, {"r", "sim_1", amount})->accepted);
  EXPECT_EQ(ledger_->EnterRefund(call_, {"s", "sim_1", amount})->refusal, "already_refunded");
  EXPECT_EQ(Ask("SELECT count(*) FROM simulated_provider_refunds"), "1");
}

TEST_F(ProviderLedgerTest, GivesNothingBackThatIsPendingOrDeclined) {
  ASSERT_TRUE(Enter("a", kApproved, 1h).ok());
  ASSERT_TRUE(Enter("b", {false, "sim_b", "card_declined"}).ok());
  for (const char* reference : {"sim_1", "sim_b"}) {
    EXPECT_FALSE(ledger_->EnterRefund(call_, {"r", reference, {1999, "EUR"}})->accepted);
  }
}

}  // namespace
}  // namespace scaleout::payment
