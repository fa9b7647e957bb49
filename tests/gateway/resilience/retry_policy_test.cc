#include "gateway/resilience/retry_policy.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>

#include "common/status.h"
#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

using ::scaleout::testing::FakeClock;
using std::chrono::milliseconds;
using std::chrono::seconds;

class RetryPolicyTest : public ::testing::Test {
 protected:
  RetryVerdict Verdict(const FailedAttempt& failed) {
    return policy_.Decide(failed, budget_).verdict;
  }
  static FailedAttempt Unavailable(int attempt, Duration remaining = seconds(3)) {
    return FailedAttempt(attempt, absl::UnavailableError(""), true, remaining);
  }

  FakeClock clock_;
  double random_ = 0.5;
  RetryPolicy policy_{RetryPolicyConfig(), [this] { return random_; }};
  RetryBudget budget_{RetryBudgetConfig(), clock_};
};

TEST_F(RetryPolicyTest, RetriesAnIdempotentCallThatWasUnavailable) {
  const RetryDecision decision = policy_.Decide(Unavailable(1), budget_);
  EXPECT_EQ(decision.verdict, RetryVerdict::kRetry);
  EXPECT_EQ(decision.pause, std::chrono::microseconds(12'500));
}

TEST_F(RetryPolicyTest, RetriesNoOtherCode) {
  for (int code = 0; code <= 16; ++code) {
    if (code == static_cast<int>(absl::StatusCode::kUnavailable)) continue;
    const absl::Status status(static_cast<absl::StatusCode>(code), "");
    EXPECT_EQ(Verdict(FailedAttempt(1, status, true, seconds(3))), RetryVerdict::kNotRetriable)
        << code;
  }
}

TEST_F(RetryPolicyTest, RetriesNothingThatIsNotIdempotent) {
  EXPECT_EQ(Verdict(FailedAttempt(1, absl::UnavailableError(""), false, seconds(3))),
            RetryVerdict::kNotRetriable);
}

TEST_F(RetryPolicyTest, RetriesNothingWhereTheServiceShedsLoad) {
  for (const std::string_view reason : {kReasonOverloaded, kReasonPoolExhausted}) {
    const absl::Status shed = WithReason(absl::UnavailableError(""), reason);
    EXPECT_EQ(Verdict(FailedAttempt(1, shed, true, seconds(3))), RetryVerdict::kNotRetriable)
        << reason;
  }
  const absl::Status down = WithReason(absl::UnavailableError(""), "DATABASE_DOWN");
  EXPECT_EQ(Verdict(FailedAttempt(1, down, true, seconds(3))), RetryVerdict::kRetry);
}

TEST_F(RetryPolicyTest, RetriesNothingThatOnlyWaitsForAnother) {
  for (const std::string_view reason : {kReasonRevocationPending, kReasonPaymentUnknown}) {
    const absl::Status waiting = WithReason(absl::UnavailableError(""), reason);
    EXPECT_EQ(Verdict(FailedAttempt(1, waiting, true, seconds(3))), RetryVerdict::kNotRetriable)
        << reason;
  }
  EXPECT_EQ(budget_.Snapshot().available, 30);
}

TEST_F(RetryPolicyTest, MakesThreeAttempts) {
  EXPECT_EQ(Verdict(Unavailable(2)), RetryVerdict::kRetry);
  EXPECT_EQ(Verdict(Unavailable(3)), RetryVerdict::kNoAttemptsLeft);
  EXPECT_EQ(Verdict(Unavailable(4)), RetryVerdict::kNoAttemptsLeft);
}

TEST_F(RetryPolicyTest, NeverPausesToTheDeadlineOrPastIt) {
  EXPECT_EQ(Verdict(Unavailable(1, Duration(12'500'001))), RetryVerdict::kRetry);
  EXPECT_EQ(Verdict(Unavailable(1, Duration(12'500'000))), RetryVerdict::kDeadline);
  random_ = 0;
  EXPECT_EQ(Verdict(Unavailable(1, Duration::zero())), RetryVerdict::kDeadline);
}

TEST_F(RetryPolicyTest, StopsWhenTheBudgetIsSpentAndOnlyThenSpendsIt) {
  EXPECT_EQ(Verdict(Unavailable(3)), RetryVerdict::kNoAttemptsLeft);
  EXPECT_EQ(Verdict(Unavailable(1, Duration::zero())), RetryVerdict::kDeadline);
  EXPECT_EQ(budget_.Snapshot().available, 30);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(Verdict(Unavailable(1)), RetryVerdict::kRetry) << i;
  EXPECT_EQ(Verdict(Unavailable(1)), RetryVerdict::kNoBudget);
}

TEST_F(RetryPolicyTest, JittersBetweenNothingAndTheBound) {
  for (const double number : {0.0, 0.1, 0.5, 0.999999}) {
    random_ = number;
    for (int attempt = 1; attempt <= 2; ++attempt) {
      const RetryDecision decision = policy_.Decide(Unavailable(attempt), budget_);
      ASSERT_EQ(decision.verdict, RetryVerdict::kRetry);
      EXPECT_GE(decision.pause, Duration::zero());
      EXPECT_LT(decision.pause, policy_.PauseBound(attempt));
      EXPECT_NEAR(static_cast<double>(decision.pause.count()),
                  number * static_cast<double>(policy_.PauseBound(attempt).count()), 1);
    }
  }
}

TEST_F(RetryPolicyTest, DoublesTheBoundUpToItsMaximum) {
  EXPECT_EQ(policy_.PauseBound(1), milliseconds(25));
  EXPECT_EQ(policy_.PauseBound(2), milliseconds(50));
  EXPECT_EQ(policy_.PauseBound(3), milliseconds(100));
  EXPECT_EQ(policy_.PauseBound(4), milliseconds(200));
  EXPECT_EQ(policy_.PauseBound(5), milliseconds(250));
  EXPECT_EQ(policy_.PauseBound(1000), milliseconds(250));
}

TEST_F(RetryPolicyTest, NamesEveryVerdict) {
  EXPECT_EQ(RetryVerdictName(RetryVerdict::kRetry), "retry");
  EXPECT_EQ(RetryVerdictName(RetryVerdict::kNotRetriable), "not_retriable");
  EXPECT_EQ(RetryVerdictName(RetryVerdict::kNoAttemptsLeft), "no_attempts_left");
  EXPECT_EQ(RetryVerdictName(RetryVerdict::kDeadline), "deadline");
  EXPECT_EQ(RetryVerdictName(RetryVerdict::kNoBudget), "no_budget");
}

}  // namespace
}  // namespace scaleout::gateway
