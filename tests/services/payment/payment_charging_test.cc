// CreatePayment and SettleReservation; the reads are in payment_service_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "common/status.h"
#include "proto/scaleout/payment/v1/payment_limits.h"
#include "services/payment/payment_service.h"
#include "tests/services/payment/fake_charges.h"
#include "tests/services/payment/fake_payments.h"
#include "tests/services/payment/fake_provider.h"
#include "tests/support/fake_clock.h"
#include "tests/support/principals.h"
#include "tests/support/refused_fields.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;
using scaleout::testing::By;
using scaleout::testing::Customer;
using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kReservation = "8f14e45f-ceea-467f-a0e6-0242ac120002";

class PaymentChargingTest : public ::testing::Test {
 protected:
  PaymentChargingTest() {
    request_.set_order_id(3);
    request_.set_user_id(7);
    request_.mutable_amount()->set_amount_minor(1999);
    request_.mutable_amount()->set_currency_code("EUR");
    request_.set_payment_method_token("tok_success");
    request_.set_reservation_id(kReservation);
  }

  absl::Status Create(const Principal& principal = kLabPrincipal) {
    return service_.CreatePayment(call_, By(principal, request_), response_);
  }

  absl::StatusOr<v1::SettleReservationResponse> Settle(const std::string& reservation_id) {
    v1::SettleReservationRequest request;
    request.set_reservation_id(reservation_id);
    v1::SettleReservationResponse response;
    const absl::Status status = service_.SettleReservation(call_, request, response);
    if (!status.ok()) return status;
    return response;
  }

  scaleout::testing::FakeClock clock_;
  FakePayments payments_;
  FakeCharges charges_;
  FakeProvider provider_;
  TokenBulkhead bulkhead_{1};
  PaymentService service_{payments_, charges_, provider_, bulkhead_, clock_};
  CallContext call_;
  v1::CreatePaymentRequest request_;
  v1::CreatePaymentResponse response_;
};

TEST_F(PaymentChargingTest, ChargesUnderTheReservationsIdAndRecordsTheAnswer) {
  ASSERT_TRUE(Create().ok());
  ASSERT_EQ(provider_.asked.size(), 1u);
  EXPECT_EQ(provider_.asked[0].reference, kReservation);
  EXPECT_EQ(provider_.asked[0].amount.amount_minor, 1999);
  EXPECT_EQ(provider_.asked[0].payment_method_token, "tok_success");
  EXPECT_THAT(charges_.log, ElementsAre("begin", "decide " + kReservation + " approved"));
  EXPECT_EQ(response_.payment().status(), v1::PAYMENT_STATUS_CAPTURED);
  EXPECT_EQ(response_.payment().provider_reference(), "sim_1");
  EXPECT_EQ(response_.payment().reservation_id(), kReservation);
  EXPECT_EQ(response_.payment().amount().currency_code(), "EUR");
  EXPECT_FALSE(response_.replayed());
}

TEST_F(PaymentChargingTest, AnswersWhatIsStoredWithoutAskingTheProvider) {
  charges_.stored = R"({"payment":{"id":"4711","status":"PAYMENT_STATUS_FAILED"}})";
  ASSERT_TRUE(Create().ok());
  EXPECT_TRUE(response_.replayed());
  EXPECT_EQ(response_.payment().id(), 4711);
  EXPECT_EQ(response_.payment().status(), v1::PAYMENT_STATUS_FAILED);
  EXPECT_TRUE(provider_.asked.empty());
  EXPECT_THAT(charges_.log, ElementsAre("begin"));
}

TEST_F(PaymentChargingTest, AnswersWhatTheSweeperHasStoredWhileTheProviderWasAsked) {
  provider_.during_charge = [this] { charges_.stored = R"({"payment":{"id":"4711"}})"; };
  ASSERT_TRUE(Create().ok());
  EXPECT_TRUE(response_.replayed());
  EXPECT_EQ(response_.payment().id(), 4711);
}

TEST_F(PaymentChargingTest, AnswerThatCannotBeReadIsInternal) {
  charges_.stored = "{";
  EXPECT_TRUE(absl::IsInternal(Create()));
}

TEST_F(PaymentChargingTest, DoesNotAskTheProviderWithoutALease) {
  charges_.begin_failure = absl::AbortedError("in progress");
  EXPECT_TRUE(absl::IsAborted(Create()));
  EXPECT_TRUE(provider_.asked.empty());
}

TEST_F(PaymentChargingTest, RecordsARefusedChargeAsAFailedPayment) {
  provider_.charge = Declined("card_declined");
  ASSERT_TRUE(Create().ok());
  EXPECT_EQ(response_.payment().status(), v1::PAYMENT_STATUS_FAILED);
  EXPECT_EQ(response_.payment().failure_reason(), "card_declined");
  EXPECT_THAT(response_.payment().provider_reference(), IsEmpty());
}

TEST_F(PaymentChargingTest, LeavesAChargeWhoseOutcomeIsNotFinalToARepeatedCallOrTheSweeper) {
  const absl::StatusOr<ChargeReport> no_answer = absl::UnavailableError("no answer");
  for (const auto& report : {no_answer, absl::StatusOr<ChargeReport>(Pending())}) {
    provider_.charge = report;
    charges_.log.clear();
    const absl::Status status = Create();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_EQ(ReasonOf(status), "PAYMENT_OUTCOME_UNKNOWN");
    EXPECT_THAT(charges_.log, ElementsAre("begin", "release " + kReservation));
  }
  charges_.release_failure = absl::UnavailableError("the database is unreachable");
  EXPECT_EQ(ReasonOf(Create()), "PAYMENT_OUTCOME_UNKNOWN");
}

TEST_F(PaymentChargingTest, RecordsTheChargeEvenIfTheClientHasCancelled) {
  call_.deadline = Deadline::In(200ms, clock_);
  call_.is_cancelled = [] { return true; };
  call_.request_id = "req-1";
  call_.trace_id = "trace-1";
  for (const auto& report : {absl::StatusOr<ChargeReport>(Approved()),
                             absl::StatusOr<ChargeReport>(absl::UnavailableError("no answer"))}) {
    provider_.charge = report;
    EXPECT_EQ(Create().ok(), report.ok());
    EXPECT_EQ(charges_.recording.deadline.Remaining(clock_), Duration(kRecordLimit));
    EXPECT_FALSE(charges_.recording.is_cancelled);
    EXPECT_EQ(charges_.recording.request_id, "req-1");
    EXPECT_EQ(charges_.recording.trace_id, "trace-1");
  }
}

TEST_F(PaymentChargingTest, WaitsForTheProviderNoLongerThanItsCallerCanBeAnswered) {
  ASSERT_TRUE(Create().ok());
  EXPECT_TRUE(provider_.charging.deadline.IsNever());
  call_.deadline = Deadline::In(2s, clock_);
  ASSERT_TRUE(Create().ok());
  EXPECT_EQ(provider_.charging.deadline.Remaining(clock_), 1900ms);
}

TEST_F(PaymentChargingTest, BeginsNoChargeThatLeavesTheProviderNoTime) {
  call_.deadline = Deadline::In(199ms, clock_);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Create()));
  EXPECT_THAT(charges_.log, ::testing::IsEmpty());
  call_.deadline = Deadline::In(200ms, clock_);
  EXPECT_TRUE(Create().ok());
}

TEST_F(PaymentChargingTest, ReturnsTheErrorIfTheAnswerCannotBeRecorded) {
  charges_.decide_failure = absl::UnavailableError("the database is unreachable");
  EXPECT_EQ(Create(), charges_.decide_failure);
  // No release: the lease keeps repeated calls away for as long as the database may need.
  EXPECT_THAT(charges_.log, ElementsAre("begin", "decide " + kReservation + " approved"));
}

TEST_F(PaymentChargingTest, RefusesAtOnceWhatItsPaymentMethodHasNoThreadFor) {
  absl::Status same_method;
  absl::Status other_method;
  bool nested = false;
  provider_.during_charge = [&] {
    if (std::exchange(nested, true)) return;
    same_method = Create();
    request_.set_payment_method_token("tok_decline");
    other_method = Create();
  };
  ASSERT_TRUE(Create().ok());
  EXPECT_TRUE(absl::IsUnavailable(same_method)) << same_method;
  EXPECT_EQ(ReasonOf(same_method), kReasonOverloaded);
  EXPECT_EQ(MetadataOf(same_method)["retryAfterMs"], "1000");
  EXPECT_TRUE(other_method.ok()) << other_method;
  // Before anything is written.
  EXPECT_EQ(charges_.log.size(), 4u);
}

TEST_F(PaymentChargingTest, ListsEveryRefusedFieldAtOnce) {
  request_.Clear();
  EXPECT_THAT(RefusedFields(Create()),
              ElementsAre("order_id", "user_id", "amount.amount_minor", "amount.currency_code",
                          "payment_method_token", "reservation_id"));
  EXPECT_TRUE(charges_.log.empty());
}

TEST_F(PaymentChargingTest, ChecksAmountAndCurrency) {
  for (const std::int64_t amount : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 53}) {
    request_.mutable_amount()->set_amount_minor(amount);
    EXPECT_THAT(RefusedFields(Create()), ElementsAre("amount.amount_minor")) << amount;
  }
  request_.mutable_amount()->set_amount_minor(1);
  for (const char* currency : {"", "EU", "eur", "EURO", "E1R"}) {
    request_.mutable_amount()->set_currency_code(currency);
    EXPECT_THAT(RefusedFields(Create()), ElementsAre("amount.currency_code")) << currency;
  }
}

TEST_F(PaymentChargingTest, ChecksEveryFieldAtTheLimitsOfTheContract) {
  request_.mutable_amount()->set_amount_minor(v1::kMaxAmountMinor);
  request_.set_payment_method_token(std::string(v1::kMaxPaymentMethodTokenCharacters, 't'));
  EXPECT_TRUE(Create().ok());
  request_.mutable_amount()->set_amount_minor(v1::kMaxAmountMinor + 1);
  request_.mutable_payment_method_token()->push_back('t');
  request_.set_reservation_id(kReservation + "0");
  EXPECT_THAT(RefusedFields(Create()),
              ElementsAre("amount.amount_minor", "payment_method_token", "reservation_id"));
  request_.mutable_amount()->set_amount_minor(v1::kMinAmountMinor);
  request_.set_payment_method_token("tok\n");
  request_.set_reservation_id("no-uuid");
  EXPECT_THAT(RefusedFields(Create()), ElementsAre("payment_method_token", "reservation_id"));
}

TEST_F(PaymentChargingTest, RefusesACallWithoutAPrincipal) {
  EXPECT_TRUE(absl::IsUnauthenticated(Create({})));
  EXPECT_TRUE(absl::IsUnauthenticated(Create({0, Role::kCustomer})));
  EXPECT_TRUE(charges_.log.empty());
}

TEST_F(PaymentChargingTest, ACustomerPaysForItselfOnly) {
  EXPECT_TRUE(Create(Customer(7)).ok());
  charges_.log.clear();
  EXPECT_EQ(Create(Customer(8)), absl::NotFoundError("there is no user 7"));
  EXPECT_TRUE(charges_.log.empty());
}

TEST_F(PaymentChargingTest, SaysWhatBecameOfAReservation) {
  EXPECT_EQ(Settle(kReservation)->outcome(), v1::RESERVATION_OUTCOME_UNDECIDED);
  charges_.settlement = Settlement{Settlement::Outcome::kFailed, {}};
  EXPECT_EQ(Settle(kReservation)->outcome(), v1::RESERVATION_OUTCOME_FAILED);
  EXPECT_FALSE(Settle(kReservation)->has_amount());
  charges_.settlement = Settlement{Settlement::Outcome::kCaptured, {1999, "EUR"}};
  const auto captured = Settle(kReservation);
  ASSERT_TRUE(captured.ok()) << captured.status();
  EXPECT_EQ(captured->outcome(), v1::RESERVATION_OUTCOME_CAPTURED);
  EXPECT_EQ(captured->amount().amount_minor(), 1999);
  EXPECT_EQ(captured->amount().currency_code(), "EUR");
  charges_.settlement = absl::UnavailableError("the database is unreachable");
  EXPECT_TRUE(absl::IsUnavailable(Settle(kReservation).status()));
  EXPECT_THAT(RefusedFields(Settle("7").status()), ElementsAre("reservation_id"));
}

}  // namespace
}  // namespace scaleout::payment
