#include "gateway/resilience/bulkhead.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace scaleout::gateway {
namespace {

TEST(Bulkhead, LetsInAsManyAsItHasPlacesAndCountsTheRest) {
  Bulkhead bulkhead(BulkheadConfig{2});
  const std::optional<BulkheadPermit> first = bulkhead.TryAcquire();
  const std::optional<BulkheadPermit> second = bulkhead.TryAcquire();
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(bulkhead.TryAcquire());
  EXPECT_FALSE(bulkhead.TryAcquire());
  EXPECT_EQ(bulkhead.in_flight(), 2);
  EXPECT_EQ(bulkhead.rejected(), 2);
}

TEST(Bulkhead, Has256PlacesByDefault) {
  EXPECT_EQ(Bulkhead(BulkheadConfig()).max_concurrent_calls(), 256);
}

TEST(Bulkhead, FreesAPlaceOnceHoweverItsPermitEnds) {
  Bulkhead bulkhead(BulkheadConfig{2});
  {
    std::optional<BulkheadPermit> permit = bulkhead.TryAcquire();
    permit->Release();
    EXPECT_EQ(bulkhead.in_flight(), 0);
  }
  EXPECT_EQ(bulkhead.in_flight(), 0);
  {
    std::optional<BulkheadPermit> first = bulkhead.TryAcquire();
    std::optional<BulkheadPermit> second = bulkhead.TryAcquire();
    *first = std::move(*second);
    EXPECT_EQ(bulkhead.in_flight(), 1);
    const BulkheadPermit third = std::move(*first);
    EXPECT_EQ(bulkhead.in_flight(), 1);
  }
  EXPECT_EQ(bulkhead.in_flight(), 0);
}

TEST(Bulkhead, NeverHoldsMoreThanItsPlacesOverManyThreads) {
  Bulkhead bulkhead(BulkheadConfig{3});
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        const std::optional<BulkheadPermit> permit = bulkhead.TryAcquire();
        if (!permit) continue;
        const int now_inside = ++inside;
        int seen = most.load();
        while (seen < now_inside && !most.compare_exchange_weak(seen, now_inside)) {
        }
        if (i % 16 == 0) std::this_thread::yield();
        --inside;
      }
    });
  }
  for (std::jthread& thread : threads) thread.join();
  EXPECT_LE(most.load(), 3);
  EXPECT_EQ(bulkhead.in_flight(), 0);
}

}  // namespace
}  // namespace scaleout::gateway
