#include "services/payment/token_bulkhead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace scaleout::payment {
namespace {

TEST(TokenBulkhead, LetsAMethodHaveItsShareAndOthersTheirs) {
  TokenBulkhead bulkhead(2);
  const auto first = bulkhead.TryAcquire("a");
  auto second = bulkhead.TryAcquire("a");
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(bulkhead.TryAcquire("a"));
  EXPECT_TRUE(bulkhead.TryAcquire("b"));
  second.reset();
  EXPECT_TRUE(bulkhead.TryAcquire("a"));
}

TEST(TokenBulkhead, APermitThatWasMovedFromEndsNothing) {
  TokenBulkhead bulkhead(1);
  auto permit = bulkhead.TryAcquire("a");
  {
    const TokenBulkhead::Permit moved = *std::move(permit);
    permit.reset();
    EXPECT_FALSE(bulkhead.TryAcquire("a"));
  }
  EXPECT_TRUE(bulkhead.TryAcquire("a"));
}

TEST(TokenBulkhead, HoldsWithManyThreads) {
  TokenBulkhead bulkhead(3);
  std::atomic<int> at_work{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 2000; ++n) {
        const auto permit = bulkhead.TryAcquire("a");
        if (!permit) continue;
        const int now = ++at_work;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --at_work;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most.load(), 3);
  EXPECT_TRUE(bulkhead.TryAcquire("a"));
}

}  // namespace
}  // namespace scaleout::payment
