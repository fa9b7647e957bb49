// The limiter under several threads; for the race detector, and for what must add up.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "gateway/resilience/concurrency_limiter.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;

TEST(ConcurrencyLimiterThreads, NeverAdmitMoreThanTheMaximumAndLoseNoPlace) {
  ConcurrencyLimiterConfig config;
  config.initial_limit = 8;
  config.max_limit = 8;
  config.window = milliseconds(1);
  ConcurrencyLimiter limiter(config, 2, 1, SystemClock());
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10'000; ++i) {
        if (t == 0 && i % 8 == 0) limiter.ObserveLoopLag(0, milliseconds(i % 20));
        if (i % 64 == 0) limiter.Snapshot();
        std::vector<ConcurrencyPermit> mine;
        for (int n = 0; n < 3; ++n) {
          std::optional<ConcurrencyPermit> permit =
              limiter.TryAcquire(static_cast<std::size_t>(n % 2));
          if (permit) mine.push_back(std::move(*permit));
        }
        const int count = static_cast<int>(mine.size());
        const int now_inside = inside += count;
        int seen = most.load();
        while (seen < now_inside && !most.compare_exchange_weak(seen, now_inside)) {
        }
        inside -= count;
        for (ConcurrencyPermit& permit : mine) {
          if (i % 3 == 0) permit.Succeed();
          if (i % 3 == 1) permit.Drop();
        }
      }
    });
  }
  for (std::jthread& thread : threads) thread.join();
  EXPECT_LE(most.load(), 8);
  EXPECT_EQ(limiter.Snapshot().in_flight, 0);
  EXPECT_GE(limiter.Snapshot().limit, config.min_limit);
}

}  // namespace
}  // namespace scaleout::gateway
