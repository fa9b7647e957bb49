// The HALF_OPEN state: probes, their leases, and what ends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <vector>

#include "gateway/resilience/circuit_breaker.h"
#include "tests/gateway/resilience/circuit_breaker_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::SizeIs;
using enum CircuitState;

TEST_F(CircuitBreakerTest, LetsThreeProbesThroughAndRefusesTheFourth) {
  GoTo(kHalfOpen);
  const CircuitPermit first = Permit();
  const CircuitPermit second = Permit();
  const CircuitPermit third = Permit();
  const CircuitDecision fourth = breaker_.Acquire();
  EXPECT_FALSE(fourth.permit);
  EXPECT_EQ(fourth.state, kHalfOpen);
  EXPECT_EQ(fourth.retry_after, seconds(1));
}

TEST_F(CircuitBreakerTest, TakesACallForSeveralRequestsAsOneProbe) {
  GoTo(kHalfOpen);
  Permit().Finish(CallOutcome::kFailure, clock_.Now(), 64);
  EXPECT_EQ(breaker_.state(), kHalfOpen);
  Permit().Finish(CallOutcome::kSuccess, clock_.Now(), 1);
  Permit().Finish(CallOutcome::kSuccess, clock_.Now(), 1);
  EXPECT_EQ(breaker_.state(), kClosed);
}

TEST_F(CircuitBreakerTest, HasARetryAfterOnlyWhileNoProbeIsLeft) {
  GoTo(kHalfOpen);
  CircuitPermit first = Permit();
  const CircuitPermit second = Permit();
  EXPECT_EQ(breaker_.Snapshot().retry_after, Duration::zero());
  const CircuitPermit third = Permit();
  EXPECT_EQ(breaker_.Snapshot().retry_after, seconds(1));
  clock_.Advance(milliseconds(9600));
  EXPECT_EQ(breaker_.Snapshot().retry_after, milliseconds(400));
  first.Finish(CallOutcome::kIgnored);
  EXPECT_EQ(breaker_.Snapshot().retry_after, Duration::zero());
}

TEST_F(CircuitBreakerTest, DoesNotPermitMoreProbesWhenSomeHaveEnded) {
  GoTo(kHalfOpen);
  Calls(2, CallOutcome::kSuccess);
  const CircuitPermit third = Permit();
  EXPECT_FALSE(breaker_.Acquire().permit);
}

TEST_F(CircuitBreakerTest, ClosesWhenAllProbesEndedWell) {
  GoTo(kHalfOpen);
  Calls(2, CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kHalfOpen);
  Calls(1, CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kClosed);
  EXPECT_EQ(transitions_.back().counts.calls, 3);
  EXPECT_EQ(breaker_.Snapshot().counts, CallCounts());
}

TEST_F(CircuitBreakerTest, ClosesWithOneFailedProbeOfThree) {
  GoTo(kHalfOpen);
  Calls(1, CallOutcome::kFailure);
  Calls(2, CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kClosed);
}

TEST_F(CircuitBreakerTest, OpensAgainWithTwoFailedProbesOfThree) {
  GoTo(kHalfOpen);
  Calls(2, CallOutcome::kFailure);
  EXPECT_EQ(breaker_.state(), kHalfOpen);  // the third is out, or may come
  Calls(1, CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kOpen);
  EXPECT_EQ(transitions_.back().open_wait, seconds(10));
  EXPECT_EQ(transitions_.back().counts.failed, 2);
}

TEST_F(CircuitBreakerTest, OpensAgainWhenAllProbesAreSlow) {
  GoTo(kHalfOpen);
  Calls(3, CallOutcome::kSuccess, milliseconds(1500));
  EXPECT_EQ(breaker_.state(), kOpen);
}

TEST_F(CircuitBreakerTest, ClosesWhenTwoOfThreeProbesAreSlow) {
  GoTo(kHalfOpen);
  Calls(2, CallOutcome::kSuccess, milliseconds(1500));
  Calls(1, CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kClosed);
}

TEST_F(CircuitBreakerTest, TakesAnIgnoredProbesPermitBack) {
  GoTo(kHalfOpen);
  Calls(50, CallOutcome::kIgnored);
  Calls(3, CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kClosed);
}

TEST_F(CircuitBreakerTest, TakesADestroyedPermitBackAsIgnored) {
  GoTo(kHalfOpen);
  const std::int64_t before = breaker_.Snapshot().ignored;
  for (int i = 0; i < 10; ++i) {
    const CircuitPermit gone = Permit();
  }
  EXPECT_EQ(breaker_.Snapshot().ignored, before + 10);
  EXPECT_EQ(breaker_.Snapshot().counts, CallCounts());
  Calls(3, CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kClosed);
}

TEST_F(CircuitBreakerTest, CountsLostLeasesAsFailuresWhenTheStateHasLastedTooLong) {
  GoTo(kHalfOpen);
  const CircuitPermit first = Permit();
  const CircuitPermit second = Permit();
  Calls(1, CallOutcome::kSuccess);
  clock_.Advance(seconds(10) - milliseconds(2));
  EXPECT_EQ(breaker_.state(), kHalfOpen);
  EXPECT_FALSE(breaker_.Acquire().permit);
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(breaker_.state(), kOpen);
  EXPECT_EQ(transitions_.back().counts.calls, 3);
  EXPECT_EQ(transitions_.back().counts.failed, 2);
  EXPECT_EQ(transitions_.back().open_wait, seconds(10));
}

TEST_F(CircuitBreakerTest, DropsTheAnswerThatComesAfterItsLease) {
  GoTo(kHalfOpen);
  CircuitPermit late = Permit();
  clock_.Advance(seconds(10));
  late.Finish(CallOutcome::kSuccess);  // the first to look: it ends the state, without its own vote
  EXPECT_EQ(breaker_.state(), kOpen);
  EXPECT_EQ(breaker_.Snapshot().counts.calls, 1);
  EXPECT_EQ(breaker_.Snapshot().counts.failed, 1);
}

TEST_F(CircuitBreakerTest, ClosesOnFewerProbesWhenNoMoreCome) {
  GoTo(kHalfOpen);
  Calls(1, CallOutcome::kSuccess);
  clock_.Advance(seconds(10));
  EXPECT_EQ(breaker_.state(), kClosed);
  EXPECT_EQ(transitions_.back().counts.calls, 1);
}

TEST_F(CircuitBreakerTest, DoesNotBlameAProbeThatWasJustSent) {
  GoTo(kHalfOpen);
  Calls(1, CallOutcome::kSuccess);
  clock_.Advance(milliseconds(9900));
  const CircuitPermit young = Permit();
  clock_.Advance(milliseconds(200));
  EXPECT_EQ(breaker_.state(), kClosed);
}

TEST_F(CircuitBreakerTest, WaitsNoLongerThanBeforeWhenAHalfOpenStateTaughtNothing) {
  GoTo(kHalfOpen);
  Calls(1, CallOutcome::kIgnored);
  clock_.Advance(seconds(10));
  EXPECT_EQ(breaker_.state(), kOpen);
  EXPECT_EQ(transitions_.back().open_wait, seconds(5));
}

TEST_F(CircuitBreakerTest, CatchesUpWithAllItSleptThrough) {
  GoTo(kHalfOpen);
  const CircuitPermit lost = Permit();
  clock_.Advance(std::chrono::hours(1));
  const CircuitDecision decision = breaker_.Acquire();
  EXPECT_TRUE(decision.permit);
  EXPECT_EQ(decision.state, kHalfOpen);
  ASSERT_THAT(transitions_, SizeIs(4));  // to OPEN, HALF_OPEN, OPEN, HALF_OPEN
  for (std::size_t i = 0; i < transitions_.size(); ++i) {
    EXPECT_EQ(transitions_[i].sequence, i + 1);
  }
}

}  // namespace
}  // namespace scaleout::gateway
