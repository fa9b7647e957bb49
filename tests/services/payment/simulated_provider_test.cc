#include "services/payment/simulated_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/fake_clock.h"

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;

// Books in memory.
class FakeLedger final : public ProviderLedger {
 public:
  absl::StatusOr<LedgerEntry> Enter(const CallContext&, const ChargeRequest& request,
                                    const ChargeAnswer& answer) override {
    if (!failure.ok()) return failure;
    const auto [entry, fresh] = entries.try_emplace(request.reference, answer);
    return LedgerEntry{entry->second, fresh};
  }

  std::map<std::string, ChargeAnswer> entries;
  absl::Status failure;
};

class SimulatedProviderTest : public ::testing::Test {
 protected:
  absl::StatusOr<ChargeAnswer> Charge(const std::string& token,
                                      const std::string& reference = "ref") {
    SimulatedProviderEnvironment environment;
    environment.wait = [this](Duration duration) { clock_.Advance(duration); };
    environment.random = [this] { return random_; };
    const auto provider = MakeSimulatedProvider(options_, ledger_, clock_, environment);
    ChargeRequest request;
    request.reference = reference;
    request.amount.amount_minor = 1999;
    request.amount.currency = "EUR";
    request.payment_method_token = token;
    return provider->Charge(call_, request);
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
