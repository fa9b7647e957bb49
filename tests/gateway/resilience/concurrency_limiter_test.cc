#include "gateway/resilience/concurrency_limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "tests/gateway/resilience/concurrency_limiter_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(ConcurrencyLimiterTest, AdmitsUpToTheLimitAndCountsTheRest) {
  std::vector<ConcurrencyPermit> taken = Take(1000);
  EXPECT_EQ(taken.size(), 256u);
  EXPECT_EQ(limiter_.Snapshot().in_flight, 256);
  EXPECT_EQ(limiter_.Snapshot().admitted, 256);
  EXPECT_EQ(limiter_.Snapshot().rejected, 1);
  taken.pop_back();
  EXPECT_TRUE(limiter_.TryAcquire(kFast));
}

TEST_F(ConcurrencyLimiterTest, FreesAPlaceOnceHoweverItsRequestEnds) {
  for (void (ConcurrencyPermit::*end)() :
       {&ConcurrencyPermit::Succeed, &ConcurrencyPermit::Drop, &ConcurrencyPermit::Ignore}) {
    std::optional<ConcurrencyPermit> permit = limiter_.TryAcquire(kFast);
    ((*permit).*end)();
    permit->Succeed();
    EXPECT_EQ(limiter_.Snapshot().in_flight, 0);
  }
  std::optional<ConcurrencyPermit> first = limiter_.TryAcquire(kFast);
  std::optional<ConcurrencyPermit> second = limiter_.TryAcquire(kFast);
  *first = std::move(*second);
  EXPECT_EQ(limiter_.Snapshot().in_flight, 1);
  first.reset();
  second.reset();
  EXPECT_EQ(limiter_.Snapshot().in_flight, 0);
}

TEST_F(ConcurrencyLimiterTest, GrowsToItsMaximumWhileInUseAndFast) {
  Waves(10, milliseconds(5));
  EXPECT_GT(limit(), 256 + 25);  // 0.2 * sqrt(256) a window, at least
  Waves(1000, milliseconds(5));
  EXPECT_EQ(limit(), 1024);
}

TEST_F(ConcurrencyLimiterTest, DoesNotGrowWhileLessThanHalfIsInUse) {
  Waves(100, milliseconds(5), 0.4);
  EXPECT_EQ(limit(), 256);
}

TEST_F(ConcurrencyLimiterTest, ToleratesQueueingUpToTheNamedTime) {
  Waves(20, milliseconds(2));
  const int before = limit();
  Waves(20, milliseconds(90));
  EXPECT_GE(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, ShrinksWhenRequestsQueueLongerThanThat) {
  Waves(20, milliseconds(2));
  Waves(1, milliseconds(400));  // ends the window of the wave before
  const int before = limit();
  Waves(1, milliseconds(400));
  // The gradient is clamped to a half: 0.9 of the limit and 0.2 of the queue's root.
  EXPECT_NEAR(limit(), 0.9 * before + 0.2 * 18, 3);
  Waves(100, milliseconds(400));
  EXPECT_LE(limit(), 12);
  EXPECT_GE(limit(), 4);
}

TEST_F(ConcurrencyLimiterTest, TakesSecondsToCollapseAndGrowsAtOnceWhenTheOverloadEnds) {
  Waves(20, milliseconds(2));
  Lags(40, seconds(1));  // four seconds of a loop that is never on time
  EXPECT_GT(limit(), 8);
  Lags(60, seconds(1));
  EXPECT_LE(limit(), 8);
  EXPECT_GE(limit(), 4);
  // Ten waves a second: 8 more places a second from the bottom.
  Lags(1, Duration::zero());
  const int bottom = limit();
  Waves(10, milliseconds(2));
  EXPECT_GE(limit(), bottom + 7);
  Waves(190, milliseconds(2));
  EXPECT_GE(limit(), 256);
}

TEST_F(ConcurrencyLimiterTest, GrowsBackToWhereItBeganWithoutARequestAndNoFurther) {
  Lags(100, seconds(1));
  const int bottom = limit();
  ASSERT_LE(bottom, 8);
  Lags(10, Duration::zero());
  EXPECT_GE(limit(), bottom + 7);
  Lags(190, Duration::zero());
  EXPECT_NEAR(limit(), 256, 1);
}

TEST_F(ConcurrencyLimiterTest, NeverLeavesItsBounds) {
  ConcurrencyLimiterConfig config;
  config.initial_limit = 4;
  config.min_limit = 4;
  config.max_limit = 6;
  config.queue_size = 1;
  ConcurrencyLimiter limiter(config, 1, 1, clock_);
  for (int i = 0; i < 1000; ++i) {
    clock_.Advance(milliseconds(10));
    limiter.ObserveLoopLag(0, seconds(1));
  }
  EXPECT_EQ(limiter.Snapshot().limit, 4);
  for (int i = 0; i < 1000; ++i) {
    std::vector<ConcurrencyPermit> all;
    while (std::optional<ConcurrencyPermit> permit = limiter.TryAcquire(0)) {
      all.push_back(std::move(*permit));
    }
    clock_.Advance(milliseconds(50));
    for (ConcurrencyPermit& permit : all) permit.Succeed();
  }
  EXPECT_EQ(limiter.Snapshot().limit, 6);
}

TEST_F(ConcurrencyLimiterTest, ComparesASlowRouteWithItself) {
  Waves(20, milliseconds(2));
  const int before = limit();
  for (int i = 0; i < 50; ++i) {
    std::vector<ConcurrencyPermit> slow = Take(limit() / 3, kSlow);
    clock_.Advance(milliseconds(2900));
    Waves(1, milliseconds(2), 0.6);
    for (ConcurrencyPermit& permit : slow) permit.Succeed();
  }
  EXPECT_GE(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, IsNotMovedByOneRouteThatTurnsSlow) {
  Waves(20, milliseconds(2), 0.4, kFast);
  Waves(20, milliseconds(2), 0.4, kSlow);
  const int before = limit();
  for (int i = 0; i < 50; ++i) {
    std::vector<ConcurrencyPermit> hanging = Take(limit() / 3, kSlow);
    clock_.Advance(seconds(3));
    Waves(1, milliseconds(2), 0.6);
    for (ConcurrencyPermit& permit : hanging) permit.Drop();
  }
  EXPECT_GE(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, IsNotMovedWhenExactlyHalfOfTheRequestsTurnSlow) {
  Waves(20, milliseconds(2), 0, kFast);
  Waves(20, milliseconds(2), 0, kSlow);
  const int before = limit();
  for (int i = 0; i < 20; ++i) {
    std::vector<ConcurrencyPermit> hanging = Take(limit() / 2, kSlow);
    clock_.Advance(seconds(1));
    std::vector<ConcurrencyPermit> fast = Take(static_cast<int>(hanging.size()), kFast);
    clock_.Advance(milliseconds(2));
    // In pairs, so that every window has as many of one as of the other, or one fast one more.
    for (std::size_t n = 0; n < fast.size(); ++n) {
      fast[n].Succeed();
      hanging[n].Succeed();
    }
  }
  EXPECT_GE(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, IsNotMovedByOneStallOfALoop) {
  Lags(10, Duration::zero());
  const int before = limit();
  for (int stall = 0; stall < 20; ++stall) {
    clock_.Advance(seconds(3));
    limiter_.ObserveLoopLag(0, seconds(3));  // the tick that ends it
    Lags(2, Duration::zero());
  }
  EXPECT_EQ(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, LosesATenthAtMostToRequestsThatAStallDelayed) {
  Waves(20, milliseconds(2));
  const int before = limit();
  Wave(seconds(3));
  EXPECT_GE(limit(), before * 9 / 10);
  Waves(20, milliseconds(2));
  EXPECT_GE(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, WaitsForEnoughRequestsBeforeItJudges) {
  Waves(20, milliseconds(2), 0);  // ten requests each
  std::vector<ConcurrencyPermit> held = Take(limit() - 9);
  const int before = limit();
  std::vector<ConcurrencyPermit> late = Take(9);
  clock_.Advance(seconds(2));
  for (ConcurrencyPermit& permit : late) permit.Succeed();
  EXPECT_EQ(limit(), before);
  held.back().Succeed();
  EXPECT_LT(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, IsMovedWhenMostRequestsTurnSlow) {
  Waves(20, milliseconds(2), 0.4, kFast);
  Waves(20, milliseconds(2), 0.4, kSlow);
  const int before = limit();
  for (int i = 0; i < 30; ++i) {
    std::vector<ConcurrencyPermit> hanging = Take(limit() * 2 / 3, kSlow);
    clock_.Advance(seconds(1));
    std::vector<ConcurrencyPermit> fast = Take(limit() / 4, kFast);
    clock_.Advance(milliseconds(2));
    for (ConcurrencyPermit& permit : fast) permit.Succeed();
    for (ConcurrencyPermit& permit : hanging) permit.Succeed();
  }
  EXPECT_LT(limit(), before / 3);
}

TEST_F(ConcurrencyLimiterTest, CountsTheTimeThatARequestHadWaitedBefore) {
  Waves(20, milliseconds(2));
  const int before = limit();
  for (int i = 0; i < 20; ++i) {
    std::vector<ConcurrencyPermit> wave;
    for (int n = 0; n < limit(); ++n) {
      wave.push_back(*limiter_.TryAcquire(kFast, milliseconds(500)));
    }
    clock_.Advance(milliseconds(100));
    for (ConcurrencyPermit& permit : wave) permit.Succeed();
  }
  EXPECT_LT(limit(), before / 3);
}

TEST_F(ConcurrencyLimiterTest, ShrinksWhileALoopCannotKeepUpEvenWithLittleInFlight) {
  Lags(20, milliseconds(50));
  EXPECT_LT(limit(), 100);
}

TEST_F(ConcurrencyLimiterTest, ToleratesALagOfTheNamedTime) {
  Lags(100, milliseconds(25));
  EXPECT_EQ(limit(), 256);
}

TEST_F(ConcurrencyLimiterTest, DoesNotGrowOnASmallLagWhileLittleIsInFlight) {
  Lags(100, Duration(25'500'000));
  EXPECT_LE(limit(), 256);
}

TEST_F(ConcurrencyLimiterTest, JudgesALoopWhoseTurnsAreLongerThanAWindow) {
  for (int i = 0; i < 60; ++i) {
    clock_.Advance(milliseconds(150));
    limiter_.ObserveLoopLag(0, milliseconds(140));
  }
  EXPECT_LT(limit(), 100);
}

TEST_F(ConcurrencyLimiterTest, TakesTheAverageOverItsLoops) {
  for (int i = 0; i < 1000; ++i) {
    clock_.Advance(milliseconds(10));
    limiter_.ObserveLoopLag(0, milliseconds(50));
    limiter_.ObserveLoopLag(1, Duration::zero());
  }
  EXPECT_DOUBLE_EQ(limiter_.Snapshot().lag_gradient, 0.75);
}

TEST_F(ConcurrencyLimiterTest, ForgetsASlowStartQuickly) {
  Waves(10, seconds(1));
  Waves(40, milliseconds(5), 0.4);
  const int before = limit();
  Waves(5, milliseconds(400));
  EXPECT_LT(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, DoesNotLearnFromDroppedRequestsWhatIsUsual) {
  for (int i = 0; i < 10; ++i) {
    std::vector<ConcurrencyPermit> dropped = Take(limit() / 4);
    clock_.Advance(seconds(3));
    Waves(1, milliseconds(2), 0.2);
    for (ConcurrencyPermit& permit : dropped) permit.Drop();
  }
  Waves(1, milliseconds(400));
  const int before = limit();
  Waves(5, milliseconds(400));
  EXPECT_LT(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, LearnsInTimeThatARouteHasBecomeSlower) {
  Waves(20, milliseconds(2), 1, kOther);
  Waves(12'000, milliseconds(400), 1, kOther);
  EXPECT_GT(limit(), 200);
}

// A server of one loop that does 1,000 requests a second and gets four times as many: what is
// admitted waits about as long as is tolerated, and the server never idles.
TEST_F(ConcurrencyLimiterTest, KeepsLatencyBoundedAndTheServerBusyUnderFourfoldLoad) {
  Waves(20, milliseconds(1), 0.4);
  std::vector<std::pair<ConcurrencyPermit, MonotonicTime>> queue;
  std::size_t served = 0;
  Duration worst(0);
  constexpr int kMilliseconds = 20'000;
  for (int ms = 0; ms < kMilliseconds; ++ms) {
    for (int i = 0; i < 4; ++i) {
      if (std::optional<ConcurrencyPermit> permit = limiter_.TryAcquire(kFast)) {
        queue.emplace_back(std::move(*permit), clock_.Now());
      }
    }
    clock_.Advance(milliseconds(1));
    if (queue.empty()) continue;
    if (ms > kMilliseconds / 2) {
      worst = std::max(worst, Duration(clock_.Now() - queue.front().second));
    }
    queue.front().first.Succeed();
    queue.erase(queue.begin());
    ++served;
  }
  EXPECT_GE(served, kMilliseconds * 99u / 100);
  EXPECT_LE(worst, milliseconds(200));
  EXPECT_GE(worst, milliseconds(80));
}

}  // namespace
}  // namespace scaleout::gateway
