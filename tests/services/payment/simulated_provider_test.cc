#include "services/payment/simulated_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/fake_clock.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;

// Books in memory.
class FakeLedger final : public ProviderLedger {
 public:
  absl::StatusOr<LedgerEntry> Enter(const CallContext&, const ChargeRequest& request,
                                    const ChargeAnswer& answer,
                                    std::chrono::milliseconds settles_in) override {
    if (!failure.ok()) return failure;
    const auto state =
        settles_in > 0ms ? ChargeReport::State::kPending : ChargeReport::State::kFinal;
    const auto [entry, fresh] = entries.try_emplace(request.reference, ChargeReport{state, answer});
    pending_for = settles_in;
    return LedgerEntry{entry->second, fresh};
  }
  absl::StatusOr<ChargeReport> Find(const CallContext&, const std::string& reference) override {
    if (!failure.ok()) return failure;
    const auto found = entries.find(reference);
    return found == entries.end() ? ChargeReport() : found->second;
  }
  absl::StatusOr<ChargeReport> Void(const CallContext&, const std::string& reference) override {
    if (!failure.ok()) return failure;
    const ChargeReport voided = {ChargeReport::State::kFinal, {false, "", kVoidedCharge}};
    return entries.try_emplace(reference, voided).first->second;
  }
  absl::StatusOr<RefundAnswer> EnterRefund(const CallContext&,
                                           const RefundRequest& request) override {
    if (!failure.ok()) return failure;
    refunds.insert(request.reference);
    return RefundAnswer{true, ""};
  }

  std::map<std::string, ChargeReport> entries;
  std::set<std::string> refunds;
  std::chrono::milliseconds pending_for{};
  absl::Status failure;
};

class SimulatedProviderTest : public ::testing::Test {
 protected:
  std::unique_ptr<PaymentProvider> MakeProvider() {
    SimulatedProviderEnvironment environment;
    environment.wait = [this](Duration duration) { clock_.Advance(duration); };
    environment.random = [this] { return random_; };
    return MakeSimulatedProvider(options_, ledger_, clock_, environment);
  }

  absl::StatusOr<ChargeReport> Report(const std::string& token,
                                      const std::string& reference = "ref") {
    ChargeRequest request;
    request.reference = reference;
    request.amount.amount_minor = 1999;
    request.amount.currency = "EUR";
    request.payment_method_token = token;
    return MakeProvider()->Charge(call_, request);
  }

  // Of a charge that is to be decided at once.
  absl::StatusOr<ChargeAnswer> Charge(const std::string& token,
                                      const std::string& reference = "ref") {
    const absl::StatusOr<ChargeReport> report = Report(token, reference);
    if (!report.ok()) return report.status();
    EXPECT_EQ(report->state, ChargeReport::State::kFinal);
    return report->answer;
  }

  scaleout::testing::FakeClock clock_;
  FakeLedger ledger_;
  SimulatedProviderOptions options_;
  CallContext call_;
  double random_ = 0.5;
};

TEST_F(SimulatedProviderTest, ChargesTheTokenOfSuccessAfterItsLatency) {
  const MonotonicTime start = clock_.Now();
  const auto answer = Charge("tok_success");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->approved);
  EXPECT_EQ(answer->provider_reference, "sim_ref");
  EXPECT_EQ(clock_.Now() - start, 20ms);
}

TEST_F(SimulatedProviderTest, RefusesTheTokenOfDeclineAndUnknownOnes) {
  EXPECT_EQ(Charge("tok_decline", "a")->decline_reason, "card_declined");
  EXPECT_EQ(Charge("tok_whatever", "b")->decline_reason, "unknown_payment_method");
  EXPECT_FALSE(Charge("tok_decline", "a")->approved);
}

TEST_F(SimulatedProviderTest, ChargesOnceAndRepeatsItsFirstAnswer) {
  EXPECT_TRUE(Charge("tok_success")->approved);
  EXPECT_TRUE(Charge("tok_decline")->approved);
  EXPECT_EQ(ledger_.entries.size(), 1u);
}

TEST_F(SimulatedProviderTest, LosesTheFirstReplyOnly) {
  EXPECT_TRUE(absl::IsUnavailable(Charge("tok_lost_reply").status()));
  EXPECT_EQ(ledger_.entries.size(), 1u);
  EXPECT_TRUE(Charge("tok_lost_reply")->approved);
  EXPECT_EQ(ledger_.entries.size(), 1u);
}

TEST_F(SimulatedProviderTest, NeverAnswersTheTokenOfTimeoutAndChargesNothing) {
  const MonotonicTime start = clock_.Now();
  EXPECT_TRUE(absl::IsUnavailable(Charge("tok_timeout").status()));
  EXPECT_TRUE(ledger_.entries.empty());
  EXPECT_EQ(clock_.Now() - start, 1s);
}

TEST_F(SimulatedProviderTest, WaitsNoLongerThanTheCall) {
  call_.deadline = Deadline::In(100ms, clock_);
  const MonotonicTime start = clock_.Now();
  EXPECT_TRUE(absl::IsUnavailable(Charge("tok_timeout").status()));
  EXPECT_EQ(clock_.Now() - start, 100ms);
  options_.latency = 10s;
  call_.deadline = Deadline::In(100ms, clock_);
  EXPECT_TRUE(absl::IsUnavailable(Charge("tok_success").status()));
  EXPECT_TRUE(ledger_.entries.empty());
}

TEST_F(SimulatedProviderTest, FailsAtTheConfiguredRate) {
  options_.failure_rate = 0.3;
  random_ = 0.29;
  EXPECT_TRUE(absl::IsUnavailable(Charge("tok_success").status()));
  EXPECT_TRUE(ledger_.entries.empty());
  random_ = 0.31;
  EXPECT_TRUE(Charge("tok_success").ok());
}

TEST_F(SimulatedProviderTest, DoesNotFailAtRateZero) {
  random_ = 0;
  EXPECT_TRUE(Charge("tok_success").ok());
}

TEST_F(SimulatedProviderTest, SettlesTheTokenOfSettleLateAfterItsDelay) {
  const auto report = Report("tok_settle_late");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->state, ChargeReport::State::kPending);
  EXPECT_EQ(ledger_.pending_for, 2s);
  EXPECT_TRUE(report->answer.approved);
  Report("tok_success", "other").IgnoreError();
  EXPECT_EQ(ledger_.pending_for, 0ms);
}

TEST_F(SimulatedProviderTest, TellsWhatItKnowsOfAReference) {
  EXPECT_EQ(MakeProvider()->Find(call_, "ref")->state, ChargeReport::State::kUnknown);
  EXPECT_TRUE(Charge("tok_success")->approved);
  const auto found = MakeProvider()->Find(call_, "ref");
  EXPECT_EQ(found->state, ChargeReport::State::kFinal);
  EXPECT_TRUE(found->answer.approved);
}

TEST_F(SimulatedProviderTest, DeclinesAChargeAfterItsReferenceWasVoided) {
  EXPECT_FALSE(MakeProvider()->Void(call_, "ref")->answer.approved);
  EXPECT_EQ(Charge("tok_success")->decline_reason, kVoidedCharge);
  // A charge that was made stays.
  EXPECT_TRUE(Charge("tok_success", "other")->approved);
  EXPECT_TRUE(MakeProvider()->Void(call_, "other")->answer.approved);
}

TEST_F(SimulatedProviderTest, GivesBack) {
  const auto refunded = MakeProvider()->Refund(call_, {"refund", "sim_ref", {1999, "EUR"}});
  ASSERT_TRUE(refunded.ok()) << refunded.status();
  EXPECT_TRUE(refunded->accepted);
  EXPECT_TRUE(ledger_.refunds.contains("refund"));
}

TEST_F(SimulatedProviderTest, EveryCallHasItsLatencyAndItsFailures) {
  const auto provider = [this] { return MakeProvider(); };
  const std::vector<std::function<absl::Status()>> calls = {
      [&] { return provider()->Find(call_, "ref").status(); },
      [&] { return provider()->Void(call_, "ref").status(); },
      [&] {
        return provider()->Refund(call_, {"r", "sim_ref", {1999, "EUR"}}).status();
      }};
  for (const auto& call : calls) {
    const MonotonicTime start = clock_.Now();
    EXPECT_TRUE(call().ok());
    EXPECT_EQ(clock_.Now() - start, 20ms);
    ledger_.failure = absl::DeadlineExceededError("slow");
    EXPECT_TRUE(absl::IsUnavailable(call()));
    ledger_.failure = absl::OkStatus();
    options_.failure_rate = 1;
    EXPECT_TRUE(absl::IsUnavailable(call()));
    options_.failure_rate = 0;
    call_.deadline = Deadline::In(5ms, clock_);
    EXPECT_TRUE(absl::IsUnavailable(call()));
    call_.deadline = Deadline();
  }
}

TEST_F(SimulatedProviderTest, DoesNotAnswerWhenTheLedgerFails) {
  ledger_.failure = absl::DeadlineExceededError("slow");
  EXPECT_TRUE(absl::IsUnavailable(Charge("tok_success").status()));
}

TEST(SimulatedProviderEnvironmentTest, DrawsRandomNumbersFromZeroToBelowOne) {
  const SimulatedProviderEnvironment environment = MakeSimulatedProviderEnvironment();
  for (int i = 0; i < 100; ++i) {
    const double value = environment.random();
    EXPECT_GE(value, 0);
    EXPECT_LT(value, 1);
  }
  environment.wait(1us);
}

}  // namespace
}  // namespace scaleout::payment
