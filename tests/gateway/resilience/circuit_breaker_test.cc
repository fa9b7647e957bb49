#include "gateway/resilience/circuit_breaker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/gateway/resilience/circuit_breaker_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::SizeIs;
using enum CircuitState;

TEST_F(CircuitBreakerTest, OpensAfterHalfOfTwentyCallsFailed) {
  Calls(10, CallOutcome::kSuccess);
  Calls(9, CallOutcome::kFailure);
  EXPECT_EQ(breaker_.state(), kClosed);
  Calls(1, CallOutcome::kFailure);
  EXPECT_EQ(breaker_.state(), kOpen);
}

TEST_F(CircuitBreakerTest, StaysClosedBelowHalfFailed) {
  for (int i = 0; i < 50; ++i) {
    Calls(11, CallOutcome::kSuccess);
    Calls(9, CallOutcome::kFailure);
  }
  EXPECT_EQ(breaker_.state(), kClosed);
}

TEST_F(CircuitBreakerTest, StaysClosedWhileThereAreFewerThanTwentyCalls) {
  Calls(19, CallOutcome::kFailure);
  EXPECT_EQ(breaker_.state(), kClosed);
}

TEST_F(CircuitBreakerTest, CountsACallForSeveralRequestsSoManyTimes) {
  Permit().Finish(CallOutcome::kSuccess, clock_.Now(), 10);
  Permit().Finish(CallOutcome::kFailure, clock_.Now(), 9);
  EXPECT_EQ(breaker_.state(), kClosed);
  EXPECT_EQ(breaker_.Snapshot().counts.calls, 19);
  Permit().Finish(CallOutcome::kFailure, clock_.Now(), 1);
  EXPECT_EQ(breaker_.state(), kOpen);
  EXPECT_EQ(breaker_.Snapshot().successful, 10);
  EXPECT_EQ(breaker_.Snapshot().failed, 10);
}

TEST_F(CircuitBreakerTest, CountsASlowCallForSeveralRequestsSoManyTimes) {
  CircuitPermit slow = Permit();
  clock_.Advance(milliseconds(1001));
  Permit().Finish(CallOutcome::kSuccess, clock_.Now(), 4);
  slow.Finish(CallOutcome::kSuccess, clock_.Now(), 16);
  EXPECT_EQ(breaker_.state(), kOpen);
  EXPECT_EQ(breaker_.Snapshot().counts.slow, 16);
}

TEST_F(CircuitBreakerTest, DoesNotCountIgnoredCallsAsCalls) {
  Calls(19, CallOutcome::kFailure);
  Calls(100, CallOutcome::kIgnored);
  EXPECT_EQ(breaker_.state(), kClosed);
  EXPECT_EQ(breaker_.Snapshot().counts.calls, 19);
}

TEST_F(CircuitBreakerTest, ForgetsFailuresThatAreOlderThanTheWindow) {
  Calls(19, CallOutcome::kFailure);
  clock_.Advance(seconds(10));
  Calls(19, CallOutcome::kFailure);
  EXPECT_EQ(breaker_.state(), kClosed);
  EXPECT_EQ(breaker_.Snapshot().counts.calls, 19);
}

TEST_F(CircuitBreakerTest, OpensWhenFourOfFiveCallsAreSlow) {
  // All within the window: a permit each, then one long second for all of them.
  std::vector<CircuitPermit> slow;
  for (int i = 0; i < 16; ++i) slow.push_back(Permit());
  clock_.Advance(milliseconds(1001));
  Calls(4, CallOutcome::kSuccess);
  for (int i = 0; i < 15; ++i) slow[static_cast<std::size_t>(i)].Finish(CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kClosed);
  slow[15].Finish(CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kOpen);
  EXPECT_EQ(breaker_.Snapshot().counts.slow, 16);
  EXPECT_EQ(breaker_.Snapshot().counts.failed, 0);
}

TEST_F(CircuitBreakerTest, StaysClosedWhenFewerThanFourOfFiveCallsAreSlow) {
  std::vector<CircuitPermit> slow;
  for (int i = 0; i < 15; ++i) slow.push_back(Permit());
  clock_.Advance(seconds(2));
  Calls(5, CallOutcome::kSuccess);
  for (CircuitPermit& permit : slow) permit.Finish(CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kClosed);
  EXPECT_DOUBLE_EQ(breaker_.Snapshot().counts.SlowRatio(), 0.75);
}

TEST_F(CircuitBreakerTest, CallsACallSlowOnlyIfItTookLongerThanASecond) {
  Calls(1, CallOutcome::kSuccess, seconds(1));
  EXPECT_EQ(breaker_.Snapshot().counts.slow, 0);
  Calls(1, CallOutcome::kSuccess, seconds(1) + Duration(1));
  EXPECT_EQ(breaker_.Snapshot().counts.slow, 1);
}

TEST_F(CircuitBreakerTest, TimesACallToItsEndAndNotToWhenItsCallerNoticed) {
  CircuitPermit quick = Permit();
  CircuitPermit slow = Permit();
  const MonotonicTime began = clock_.Now();
  clock_.Advance(seconds(3));
  quick.Finish(CallOutcome::kSuccess, began + seconds(1));
  EXPECT_EQ(breaker_.Snapshot().counts.slow, 0);
  slow.Finish(CallOutcome::kSuccess, began + seconds(2));
  EXPECT_EQ(breaker_.Snapshot().counts.slow, 1);
  EXPECT_EQ(breaker_.Snapshot().counts.calls, 2);
}

TEST_F(CircuitBreakerTest, ReportsTheCountsThatOpenedIt) {
  Calls(8, CallOutcome::kSuccess);
  Calls(12, CallOutcome::kFailure);
  ASSERT_THAT(transitions_, SizeIs(1));
  EXPECT_EQ(transitions_[0].from, kClosed);
  EXPECT_EQ(transitions_[0].to, kOpen);
  EXPECT_EQ(transitions_[0].counts.calls, 20);
  EXPECT_EQ(transitions_[0].counts.failed, 12);
  EXPECT_DOUBLE_EQ(transitions_[0].counts.FailureRatio(), 0.6);
  EXPECT_EQ(transitions_[0].open_wait, seconds(5));
  EXPECT_EQ(transitions_[0].sequence, 1u);
}

TEST_F(CircuitBreakerTest, RefusesWhileOpenAndSaysUntilWhen) {
  GoTo(kOpen);
  clock_.Advance(seconds(2));
  const CircuitDecision decision = breaker_.Acquire();
  EXPECT_FALSE(decision.permit);
  EXPECT_EQ(decision.state, kOpen);
  EXPECT_EQ(decision.retry_after, seconds(3));
  EXPECT_EQ(breaker_.Snapshot().not_permitted, 1);
}

TEST_F(CircuitBreakerTest, StaysOpenToTheLastNanosecond) {
  GoTo(kOpen);
  clock_.Advance(seconds(5) - Duration(1));
  EXPECT_FALSE(breaker_.Acquire().permit);
  clock_.Advance(Duration(1));
  EXPECT_TRUE(breaker_.Acquire().permit);
}

TEST_F(CircuitBreakerTest, ShowsWhatOpenedItWhileOpen) {
  GoTo(kOpen);
  clock_.Advance(seconds(30));
  EXPECT_EQ(breaker_.Snapshot().counts.failed, 20);
  EXPECT_EQ(breaker_.Snapshot().retry_after, Duration::zero());
}

TEST_F(CircuitBreakerTest, DoublesTheWaitUpToAMinuteAndStartsAgainAfterAClose) {
  GoTo(kOpen);
  std::vector<Duration> waits = {transitions_.back().open_wait};
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(breaker_.Snapshot().retry_after);
    Calls(3, CallOutcome::kFailure);
    waits.push_back(transitions_.back().open_wait);
  }
  // At the maximum the jitter's range is 48 to 60 s, and 0.5 gives its middle.
  EXPECT_THAT(waits, ::testing::ElementsAre(seconds(5), seconds(10), seconds(20), seconds(40),
                                            seconds(54), seconds(54)));

  clock_.Advance(seconds(60));
  Calls(3, CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kClosed);
  Calls(20, CallOutcome::kFailure);
  EXPECT_EQ(transitions_.back().open_wait, seconds(5));
}

TEST_F(CircuitBreakerTest, JittersTheWaitByAFifthAndNeverPastTheMaximum) {
  for (const double number : {0.0, 0.25, 0.5, 0.75, 0.999999999}) {
    random_ = number;
    breaker_.Reset();
    GoTo(kOpen);
    Duration base = seconds(5);
    for (int i = 0; i < 8; ++i) {
      const Duration wait = transitions_.back().open_wait;
      EXPECT_GE(wait, base * 4 / 5) << number;
      EXPECT_LE(wait, std::min<Duration>(base * 6 / 5, seconds(60))) << number;
      EXPECT_NEAR(std::chrono::duration<double>(wait).count(),
                  std::chrono::duration<double>(base * 4 / 5).count() +
                      number * std::chrono::duration<double>(
                                   std::min<Duration>(base * 6 / 5, seconds(60)) - base * 4 / 5)
                                   .count(),
                  1e-6);
      clock_.Advance(wait);
      Calls(3, CallOutcome::kFailure);
      base = std::min<Duration>(base * 2, seconds(60));
    }
  }
}

TEST_F(CircuitBreakerTest, DropsResultsOfAnEarlierGeneration) {
  std::vector<CircuitPermit> old;
  for (int i = 0; i < 30; ++i) old.push_back(Permit());
  GoTo(kOpen);
  clock_.Advance(seconds(5));
  const CircuitPermit probe = Permit();
  ASSERT_EQ(breaker_.state(), kHalfOpen);
  for (int i = 0; i < 10; ++i) old[static_cast<std::size_t>(i)].Finish(CallOutcome::kSuccess);
  EXPECT_EQ(breaker_.state(), kHalfOpen);
  EXPECT_EQ(breaker_.Snapshot().counts, CallCounts());

  breaker_.Reset();
  for (int i = 10; i < 30; ++i) old[static_cast<std::size_t>(i)].Finish(CallOutcome::kFailure);
  EXPECT_EQ(breaker_.state(), kClosed);
  EXPECT_EQ(breaker_.Snapshot().counts, CallCounts());
  EXPECT_EQ(breaker_.Snapshot().failed, 40);  // but they are counted
  EXPECT_EQ(breaker_.Snapshot().successful, 10);
}

TEST_F(CircuitBreakerTest, DropsResultsOfCallsMadeWhileDisabled) {
  GoTo(kDisabled);
  std::vector<CircuitPermit> old;
  for (int i = 0; i < 30; ++i) old.push_back(Permit());
  Calls(30, CallOutcome::kFailure);
  breaker_.Reset();
  for (CircuitPermit& permit : old) permit.Finish(CallOutcome::kFailure);
  EXPECT_EQ(breaker_.state(), kClosed);
}

TEST_F(CircuitBreakerTest, DoesNotLendAnOldHalfOpensPermitTwice) {
  GoTo(kHalfOpen);
  CircuitPermit old = Permit();
  breaker_.Reset();
  Calls(20, CallOutcome::kFailure);
  clock_.Advance(seconds(5));
  const CircuitPermit first = Permit();
  const CircuitPermit second = Permit();
  const CircuitPermit third = Permit();
  old.Finish(CallOutcome::kIgnored);
  EXPECT_FALSE(breaker_.Acquire().permit);
}

TEST_F(CircuitBreakerTest, TakesOnlyTheFirstAnswer) {
  CircuitPermit permit = Permit();
  permit.Finish(CallOutcome::kSuccess);
  permit.Finish(CallOutcome::kFailure);
  EXPECT_EQ(breaker_.Snapshot().successful, 1);
  EXPECT_EQ(breaker_.Snapshot().failed, 0);
}

TEST_F(CircuitBreakerTest, AnswersAMovedPermitOnce) {
  CircuitPermit first = Permit();
  CircuitPermit second = std::move(first);
  CircuitPermit third = Permit();
  third = std::move(second);  // its own call is ignored
  third.Finish(CallOutcome::kSuccess);
  const CircuitSnapshot snapshot = breaker_.Snapshot();
  EXPECT_EQ(snapshot.successful, 1);
  EXPECT_EQ(snapshot.ignored, 1);
  EXPECT_EQ(snapshot.counts.calls, 1);
}

TEST_F(CircuitBreakerTest, RefusesEverythingWhileForcedOpen) {
  GoTo(kForcedOpen);
  clock_.Advance(std::chrono::hours(1));
  const CircuitDecision decision = breaker_.Acquire();
  EXPECT_FALSE(decision.permit);
  EXPECT_EQ(decision.state, kForcedOpen);
  EXPECT_EQ(decision.retry_after, seconds(5));
}

TEST_F(CircuitBreakerTest, PermitsEverythingWhileDisabled) {
  GoTo(kDisabled);
  Calls(200, CallOutcome::kFailure);
  EXPECT_EQ(breaker_.state(), kDisabled);
  EXPECT_EQ(breaker_.Snapshot().counts, CallCounts());
}

TEST_F(CircuitBreakerTest, StartsWithAnEmptyWindowAfterAReset) {
  Calls(19, CallOutcome::kFailure);
  breaker_.Reset();
  Calls(19, CallOutcome::kFailure);
  EXPECT_EQ(breaker_.state(), kClosed);
  EXPECT_THAT(transitions_, SizeIs(0));
}

TEST_F(CircuitBreakerTest, WaitsTheFirstWaitAgainAfterAReset) {
  GoTo(kHalfOpen);
  Calls(3, CallOutcome::kFailure);
  breaker_.Reset();
  GoTo(kOpen);
  EXPECT_EQ(transitions_.back().open_wait, seconds(5));
}

TEST_F(CircuitBreakerTest, CountsTransitionsFromAndTo) {
  GoTo(kHalfOpen);
  Calls(3, CallOutcome::kSuccess);
  breaker_.ForceOpen();
  breaker_.ForceOpen();
  breaker_.Disable();
  breaker_.Reset();
  const CircuitSnapshot snapshot = breaker_.Snapshot();
  EXPECT_EQ(snapshot.TransitionsOf(kClosed, kOpen), 1);
  EXPECT_EQ(snapshot.TransitionsOf(kOpen, kHalfOpen), 1);
  EXPECT_EQ(snapshot.TransitionsOf(kHalfOpen, kClosed), 1);
  EXPECT_EQ(snapshot.TransitionsOf(kClosed, kForcedOpen), 1);
  EXPECT_EQ(snapshot.TransitionsOf(kForcedOpen, kDisabled), 1);
  EXPECT_EQ(snapshot.TransitionsOf(kDisabled, kClosed), 1);
  EXPECT_EQ(snapshot.TransitionsOf(kOpen, kClosed), 0);
  EXPECT_THAT(transitions_, SizeIs(6));
}

TEST_F(CircuitBreakerTest, LetsItsListenerLookAtIt) {
  CircuitState seen = kClosed;
  CircuitBreaker* looked_at = nullptr;
  CircuitBreaker breaker(
      CircuitBreakerConfig(), clock_, [] { return 0.5; },
      [&](const CircuitTransition&) { seen = looked_at->state(); });
  looked_at = &breaker;
  breaker.ForceOpen();
  EXPECT_EQ(seen, kForcedOpen);
}

TEST_F(CircuitBreakerTest, NeedsNoListener) {
  CircuitBreaker breaker(
      CircuitBreakerConfig(), clock_, [] { return 0.5; }, nullptr);
  breaker.ForceOpen();
  EXPECT_EQ(breaker.state(), kForcedOpen);
}

TEST(CircuitStateName, IsResilience4jsForEveryState) {
  std::vector<std::string> names;
  for (const CircuitState state : kCircuitStates) names.emplace_back(CircuitStateName(state));
  EXPECT_THAT(names,
              ::testing::ElementsAre("CLOSED", "OPEN", "HALF_OPEN", "DISABLED", "FORCED_OPEN"));
}

}  // namespace
}  // namespace scaleout::gateway
