#include "gateway/resilience/retry_budget.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

using ::scaleout::testing::FakeClock;
using std::chrono::milliseconds;
using std::chrono::seconds;

int WithdrawAll(RetryBudget& budget) {
  int granted = 0;
  while (budget.TryWithdraw()) ++granted;
  return granted;
}

TEST(RetryBudget, GrantsThreeRetriesASecondWithoutAnyCall) {
  FakeClock clock;
  RetryBudget budget(RetryBudgetConfig(), clock);
  EXPECT_EQ(WithdrawAll(budget), 30);
  clock.Advance(seconds(9));
  EXPECT_EQ(WithdrawAll(budget), 0);
  clock.Advance(seconds(1));
  EXPECT_EQ(WithdrawAll(budget), 30);
}

TEST(RetryBudget, GrantsAFifthOfTheCallsOnTop) {
  FakeClock clock;
  RetryBudget budget(RetryBudgetConfig(), clock);
  for (int i = 0; i < 1000; ++i) budget.Deposit();
  EXPECT_EQ(WithdrawAll(budget), 230);
}

TEST(RetryBudget, ForgetsCallsAfterTheWindow) {
  FakeClock clock;
  RetryBudget budget(RetryBudgetConfig(), clock);
  for (int i = 0; i < 1000; ++i) budget.Deposit();
  clock.Advance(seconds(10));
  EXPECT_EQ(budget.Snapshot().available, 30);
  EXPECT_EQ(WithdrawAll(budget), 30);
}

TEST(RetryBudget, StaysEmptyWhenCallsThatPaidAreForgottenBeforeTheirRetries) {
  FakeClock clock;
  RetryBudget budget(RetryBudgetConfig(), clock);
  for (int i = 0; i < 1000; ++i) budget.Deposit();
  clock.Advance(seconds(5));
  EXPECT_EQ(WithdrawAll(budget), 230);
  clock.Advance(seconds(5));
  EXPECT_EQ(budget.Snapshot().available, 0);
  EXPECT_FALSE(budget.TryWithdraw());
  clock.Advance(seconds(5));
  EXPECT_EQ(budget.Snapshot().available, 30);
}

TEST(RetryBudget, CountsWhatItGrantsAndRefuses) {
  FakeClock clock;
  RetryBudget budget(RetryBudgetConfig(), clock);
  WithdrawAll(budget);
  budget.TryWithdraw();
  EXPECT_EQ(budget.Snapshot().granted, 30);
  EXPECT_EQ(budget.Snapshot().exhausted, 2);
}

TEST(RetryBudget, GrantsNothingWithoutFloorAndRatio) {
  FakeClock clock;
  RetryBudgetConfig config;
  config.ratio = 0;
  config.floor_per_second = 0;
  RetryBudget budget(config, clock);
  for (int i = 0; i < 100; ++i) budget.Deposit();
  EXPECT_FALSE(budget.TryWithdraw());
}

TEST(RetryBudget, NeverGrantsMoreThanItsShareOverAnyWindow) {
  for (const unsigned seed : {1u, 2u, 3u, 4u, 5u}) {
    std::mt19937 random(seed);
    FakeClock clock;
    RetryBudget budget(RetryBudgetConfig(), clock);
    std::deque<std::pair<MonotonicTime, bool>> events;  // whether it was a retry
    for (int i = 0; i < 20'000; ++i) {
      clock.Advance(milliseconds(random() % 20));
      const MonotonicTime now = clock.Now();
      if (random() % 3 != 0) {
        budget.Deposit();
        events.emplace_back(now, false);
      } else if (budget.TryWithdraw()) {
        events.emplace_back(now, true);
      }
      // A retry is remembered for nine seconds at least, a call for ten at most.
      while (now - events.front().first > seconds(10)) events.pop_front();
      std::int64_t calls = 0;
      std::int64_t retries = 0;
      for (const auto& [when, retry] : events) {
        if (!retry) ++calls;
        if (retry && now - when < seconds(9)) ++retries;
      }
      ASSERT_LE(static_cast<double>(retries), 30.0 + 0.2 * static_cast<double>(calls))
          << "seed " << seed;
      ASSERT_GE(budget.Snapshot().available, 0);
    }
  }
}

TEST(RetryBudget, GrantsNoTokenTwiceToSeveralThreads) {
  FakeClock clock;
  RetryBudget budget(RetryBudgetConfig(), clock);
  std::atomic<int> granted = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) {
        budget.Deposit();
        if (budget.TryWithdraw()) ++granted;
      }
    });
  }
  for (std::jthread& thread : threads) thread.join();
  granted += WithdrawAll(budget);
  EXPECT_EQ(granted.load(), 30 + 20'000 / 5);
}

}  // namespace
}  // namespace scaleout::gateway
