// The payment service over its tables and the simulated provider, as the order service and the
// gateways use it, with every order in which a call, the provider and the sweeper can meet.
#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "common/status.h"
#include "services/payment/charge_sweeper.h"
#include "services/payment/payment_repository.h"
#include "services/payment/payment_service.h"
#include "services/payment/refund_sweeper.h"
#include "services/payment/simulated_provider.h"
#include "tests/integration/charge_fixture.h"
#include "tests/integration/transacted.h"
#include "tests/support/principals.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;

// A provider whose charges arrive when the test says: a call for one is not answered.
class LateProvider final : public PaymentProvider {
 public:
  explicit LateProvider(PaymentProvider& provider) : provider_(provider) {}

  absl::StatusOr<ChargeReport> Charge(const CallContext&, const ChargeRequest& request) override {
    request_ = request;
    return absl::UnavailableError("no answer");
  }
  absl::StatusOr<ChargeReport> Find(const CallContext& call,
                                    const std::string& reference) override {
    auto report = provider_.Find(call, reference);
    if (after_find) after_find();
    return report;
  }
  absl::StatusOr<ChargeReport> Void(const CallContext& call,
                                    const std::string& reference) override {
    auto report = provider_.Void(call, reference);
    if (lose_void) {
      lose_void = false;
      return absl::UnavailableError("no answer");
    }
    return report;
  }
  absl::StatusOr<RefundAnswer> Refund(const CallContext& call,
                                      const RefundRequest& request) override {
    return provider_.Refund(call, request);
  }

  // The charge that was asked for arrives.
  absl::StatusOr<ChargeReport> Arrive(const CallContext& call) {
    return provider_.Charge(call, request_);
  }

  std::function<void()> after_find;
  bool lose_void = false;

 private:
  PaymentProvider& provider_;
  ChargeRequest request_;
};

class PaymentFlowTest : public ChargeFixture {
 protected:
  PaymentFlowTest() {
    request_.set_order_id(1);
    request_.set_user_id(7);
    request_.mutable_amount()->set_amount_minor(1999);
    request_.mutable_amount()->set_currency_code("EUR");
    request_.set_payment_method_token("tok_success");
    request_.set_reservation_id(ReservationId());
  }

  absl::StatusOr<v1::CreatePaymentResponse> CreateWith(PaymentProvider& provider) {
    PaymentService service(*payments_, *due_, provider, bulkhead_, SystemClock());
    v1::CreatePaymentResponse response;
    const absl::Status status = service.CreatePayment(call_, testing::ByLab(request_), response);
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::CreatePaymentResponse> Create() { return CreateWith(*provider_); }

  // A round of the sweeper.
  absl::Status Sweep() {
    // The charge is due again at once.
    Ask("UPDATE charges SET settle_at = now()");
    return sweeper_.Round();
  }

  std::string Approved() {
    return Ask("SELECT count(*) FROM simulated_provider_charges WHERE approved");
  }
  // What became of the payment, and how often that was published.
  std::string End() {
    return States() + " " +
           Ask("SELECT coalesce(string_agg(type, ',' ORDER BY id), '') FROM outbox"
               " WHERE type <> 'payment.changed'");
  }

  SimulatedProviderOptions options_{.latency = 0ms, .timeout = 50ms, .settle_delay = 3'600'000ms};
  TokenBulkhead bulkhead_{kRacingCalls};
  const std::unique_ptr<PaymentRepository> payments_ = MakePaymentRepository(*pool_);
  const std::unique_ptr<ProviderLedger> ledger_ = MakeProviderLedger(*pool_);
  const std::unique_ptr<PaymentProvider> provider_ =
      MakeSimulatedProvider(options_, *ledger_, SystemClock(), MakeSimulatedProviderEnvironment());
  LateProvider late_{*provider_};
  const std::unique_ptr<ChargeRepository> due_ = ChargesWith(1h, 1h);
  ChargeSweeper sweeper_{{*due_, late_, *logger_, *metrics_, SystemClock()}, 1h};
  v1::CreatePaymentRequest request_;
};

TEST_F(PaymentFlowTest, ChargesOnceWhenTheProvidersAnswerIsLost) {
  request_.set_payment_method_token("tok_lost_reply");
  const auto lost = Create();
  EXPECT_TRUE(absl::IsUnavailable(lost.status())) << lost.status();
  EXPECT_EQ(ReasonOf(lost.status()), "PAYMENT_OUTCOME_UNKNOWN");
  EXPECT_EQ(End(), "AUTHORIZED ");
  const auto retried = Create();
  ASSERT_TRUE(retried.ok()) << retried.status();
  EXPECT_EQ(retried->payment().status(), v1::PAYMENT_STATUS_CAPTURED);
  EXPECT_FALSE(retried->replayed());
  EXPECT_EQ(Approved(), "1");
  const auto again = Create();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->replayed());
  EXPECT_EQ(again->payment().SerializeAsString(), retried->payment().SerializeAsString());
  EXPECT_EQ(End(), "CAPTURED payment.captured");
}

TEST_F(PaymentFlowTest, TheSweeperRecordsAChargeWhoseAnswerWasLostAndNoClientComesBackFor) {
  request_.set_payment_method_token("tok_lost_reply");
  EXPECT_FALSE(Create().ok());
  ASSERT_TRUE(Sweep().ok());
  EXPECT_EQ(End(), "CAPTURED payment.captured");
  const auto again = Create();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->replayed());
  EXPECT_EQ(again->payment().status(), v1::PAYMENT_STATUS_CAPTURED);
}

TEST_F(PaymentFlowTest, ChargesOnceForConcurrentCalls) {
  const std::function<absl::StatusOr<v1::CreatePaymentResponse>()> create = [this] {
    return Create();
  };
  int made = 0;
  for (const auto& response :
       RunBehindLock("LOCK TABLE charges IN SHARE MODE", std::vector(kRacingCalls, create))) {
    if (response.ok()) {
      made += response->replayed() ? 0 : 1;
    } else {
      EXPECT_TRUE(absl::IsAborted(response.status())) << response.status();
    }
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(Approved(), "1");
  EXPECT_EQ(End(), "CAPTURED payment.captured");
}

TEST_F(PaymentFlowTest, APaymentThatTheProviderNeverAnswersFails) {
  request_.set_payment_method_token("tok_timeout");
  EXPECT_TRUE(absl::IsUnavailable(Create().status()));
  EXPECT_TRUE(absl::IsUnavailable(Create().status()));
  EXPECT_EQ(End(), "AUTHORIZED ");
  ASSERT_TRUE(Sweep().ok());
  EXPECT_EQ(End(), "FAILED payment.failed");
  EXPECT_EQ(Approved(), "0");
  EXPECT_EQ(Create()->payment().failure_reason(), "provider_timeout");
}

TEST_F(PaymentFlowTest, APaymentThatSettlesLateWaitsUntilItIsDecided) {
  request_.set_payment_method_token("tok_settle_late");
  EXPECT_EQ(ReasonOf(Create().status()), "PAYMENT_OUTCOME_UNKNOWN");
  ASSERT_TRUE(Sweep().ok());
  EXPECT_EQ(End(), "AUTHORIZED ");
  Ask("UPDATE simulated_provider_charges SET settles_at = now()");
  ASSERT_TRUE(Sweep().ok());
  EXPECT_EQ(End(), "CAPTURED payment.captured");
}

TEST_F(PaymentFlowTest, StoresADeclinedChargeAsAFailedPayment) {
  request_.set_payment_method_token("tok_decline");
  const auto response = Create();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->payment().status(), v1::PAYMENT_STATUS_FAILED);
  EXPECT_EQ(response->payment().failure_reason(), "card_declined");
  EXPECT_EQ(End(), "FAILED payment.failed");
}

TEST_F(PaymentFlowTest, AChargeThatArrivesBeforeTheSweeperAsksIsRecorded) {
  EXPECT_FALSE(CreateWith(late_).ok());
  ASSERT_TRUE(late_.Arrive(call_).ok());
  ASSERT_TRUE(Sweep().ok());
  EXPECT_EQ(End(), "CAPTURED payment.captured");
}

TEST_F(PaymentFlowTest, AChargeThatArrivesBetweenTheSweepersQuestionAndItsVoidIsRecorded) {
  EXPECT_FALSE(CreateWith(late_).ok());
  late_.after_find = [this] { ASSERT_TRUE(late_.Arrive(call_).ok()); };
  ASSERT_TRUE(Sweep().ok());
  EXPECT_EQ(End(), "CAPTURED payment.captured");
  EXPECT_EQ(Approved(), "1");
}

TEST_F(PaymentFlowTest, AChargeThatArrivesAfterTheVoidIsDeclined) {
  EXPECT_FALSE(CreateWith(late_).ok());
  ASSERT_TRUE(Sweep().ok());
  EXPECT_EQ(End(), "FAILED payment.failed");
  const auto late = late_.Arrive(call_);
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_FALSE(late->answer.approved);
  EXPECT_EQ(Approved(), "0");
  ASSERT_TRUE(Sweep().ok());
  EXPECT_EQ(End(), "FAILED payment.failed");
}

TEST_F(PaymentFlowTest, AVoidWhoseAnswerWasLostIsRepeatedAndEndsThePaymentOnce) {
  EXPECT_FALSE(CreateWith(late_).ok());
  late_.lose_void = true;
  EXPECT_FALSE(Sweep().ok());
  EXPECT_EQ(End(), "AUTHORIZED ");
  // The reference is voided, of which this service does not know yet.
  EXPECT_FALSE(late_.Arrive(call_)->answer.approved);
  ASSERT_TRUE(Sweep().ok());
  EXPECT_EQ(End(), "FAILED payment.failed");
}

TEST_F(PaymentFlowTest, ARepeatedCallThatMeetsTheVoidIsAnsweredWithTheFailedPayment) {
  EXPECT_FALSE(CreateWith(late_).ok());
  late_.after_find = [this] {
    // The sweeper has just heard that the provider does not know the charge.
    ASSERT_TRUE(provider_->Void(call_, ReservationId()).ok());
    const auto repeated = Create();
    ASSERT_TRUE(repeated.ok()) << repeated.status();
    EXPECT_EQ(repeated->payment().failure_reason(), "provider_timeout");
  };
  ASSERT_TRUE(Sweep().ok());
  EXPECT_EQ(End(), "FAILED payment.failed");
}

TEST_F(PaymentFlowTest, ACallThatArrivesAfterItsReservationWasEndedChargesNothing) {
  ASSERT_EQ(due_->Settle(call_, ReservationId())->outcome, Settlement::Outcome::kFailed);
  EXPECT_EQ(ReasonOf(Create().status()), "RESERVATION_ENDED");
  EXPECT_EQ(End(), " ");
  EXPECT_EQ(Ask("SELECT count(*) FROM simulated_provider_charges"), "0");
}

TEST_F(PaymentFlowTest, CapturedPaymentIsGivenBackOnceHoweverManySweepersAsk) {
  ASSERT_TRUE(Create().ok());
  const std::unique_ptr<RefundRepository> refunds = MakeRefundRepository(*pool_, outbox_);
  const auto metrics = MakeMetrics();
  RefundSweeper first({*refunds, *provider_, *logger_, *metrics_, SystemClock()}, 0ms);
  RefundSweeper second({*refunds, *provider_, *logger_, *metrics, SystemClock()}, 0ms);
  const auto request = [&](PostgresSession& session) {
    return refunds->Request(session, OrderId(1), ReservationId());
  };
  ASSERT_TRUE(testing::Transacted(call_, outbox_, request).ok());
  ASSERT_TRUE(first.Round().ok());
  ASSERT_TRUE(testing::Transacted(call_, outbox_, request).ok());
  ASSERT_TRUE(second.Round().ok());
  EXPECT_EQ(End(), "REFUNDED payment.captured,payment.refunded");
  EXPECT_EQ(Ask("SELECT count(*) FROM simulated_provider_refunds"), "1");
  EXPECT_EQ(Ask("SELECT state FROM refunds"), "DONE");
}

// With one thread the first of them would wait for the others.
TEST_F(PaymentFlowTest, TheSweeperAsksAboutAsManyPaymentsAtOnceAsItHasThreads) {
  for (int n = 1; n <= 3; ++n) ASSERT_TRUE(due_->Begin(call_, Wanted(n)).ok());
  Ask("UPDATE charges SET settle_at = now(), lease_until = now()");
  std::atomic<int> asked = 0;
  std::promise<void> all;
  const std::shared_future<void> all_asked = all.get_future().share();
  late_.after_find = [&] {
    if (++asked == 3) all.set_value();
    EXPECT_EQ(all_asked.wait_for(20s), std::future_status::ready);
  };
  const auto metrics = MakeMetrics();
  {
    ChargeSweeper sweeper(
        {*due_, late_, *logger_, *metrics, SystemClock(), FaultPoints::None(), /*threads=*/3}, 1h);
    ASSERT_TRUE(sweeper.Round().ok());
    // At its end it voids nothing more.
    EXPECT_TRUE(testing::Eventually([this] { return States() == "FAILED,FAILED,FAILED"; }))
        << States();
  }
}

}  // namespace
}  // namespace scaleout::payment
