// A limiter of two loops with the default settings over a fake clock, and load for it.
#ifndef SCALEOUT_TESTS_GATEWAY_RESILIENCE_CONCURRENCY_LIMITER_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_RESILIENCE_CONCURRENCY_LIMITER_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "gateway/resilience/concurrency_limiter.h"
#include "tests/support/fake_clock.h"

namespace scaleout::gateway {

// Routes.
inline constexpr std::size_t kFast = 0;
inline constexpr std::size_t kSlow = 1;
inline constexpr std::size_t kOther = 2;

class ConcurrencyLimiterTest : public ::testing::Test {
 protected:
  int limit() const { return limiter_.Snapshot().limit; }

  // Fills `share` of the limit with requests and ends them all `latency` later.
  void Wave(Duration latency, double share = 1, std::size_t route = kFast) {
    const int count = std::max(10, static_cast<int>(share * limit()));
    std::vector<ConcurrencyPermit> wave = Take(count, route);
    clock_.Advance(latency);
    for (ConcurrencyPermit& permit : wave) permit.Succeed();
  }
  // Waves at a pace of a window each.
  void Waves(int windows, Duration latency, double share = 1, std::size_t route = kFast) {
    for (int i = 0; i < windows; ++i) {
      if (latency < std::chrono::milliseconds(100))
        clock_.Advance(std::chrono::milliseconds(100) - latency);
      Wave(latency, share, route);
    }
  }
  // Takes every place and drops them all `after` that, so many times.
  void DropWaves(int waves, Duration after) {
    for (int i = 0; i < waves; ++i) {
      std::vector<ConcurrencyPermit> wave = Take(limit());
      clock_.Advance(after);
      for (ConcurrencyPermit& permit : wave) permit.Drop();
    }
  }
  // The first so many places; fewer if the limit has shrunk meanwhile.
  std::vector<ConcurrencyPermit> Take(int count, std::size_t route = kFast) {
    std::vector<ConcurrencyPermit> taken;
    for (int i = 0; i < count; ++i) {
      std::optional<ConcurrencyPermit> permit = limiter_.TryAcquire(route);
      if (!permit) break;
      taken.push_back(std::move(*permit));
    }
    return taken;
  }
  void Lags(int windows, Duration lag, std::size_t loop = 0) {
    for (int i = 0; i < 10 * windows; ++i) {
      clock_.Advance(std::chrono::milliseconds(10));
      limiter_.ObserveLoopLag(loop, lag);
    }
  }

  testing::FakeClock clock_;
  ConcurrencyLimiter limiter_{ConcurrencyLimiterConfig(), 3, 2, clock_};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_TESTS_GATEWAY_RESILIENCE_CONCURRENCY_LIMITER_FIXTURE_H_
