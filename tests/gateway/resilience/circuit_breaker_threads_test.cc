// The breaker under several threads; for the race detector, and for what must add up.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "gateway/resilience/circuit_breaker.h"
#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

using ::scaleout::testing::FakeClock;
using std::chrono::milliseconds;

TEST(CircuitBreakerThreads, NeverLendMoreProbesThanPermitted) {
  FakeClock clock;
  CircuitBreakerConfig config;
  config.open_wait = milliseconds(1);
  config.open_wait_max = milliseconds(1);
  config.half_open_max = std::chrono::hours(1);  // no lease ends but by its answer
  std::atomic<int> reported = 0;
  std::atomic<int> out = 0;
  std::atomic<int> most_out = 0;
  std::atomic<std::int64_t> permitted = 0;
  std::atomic<std::int64_t> refused = 0;
  CircuitBreaker breaker(
      config, clock, [] { return 0.5; }, [&](const CircuitTransition&) { ++reported; });
  constexpr int kThreads = 4;
  constexpr int kCalls = 20'000;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        if (i % 64 == 0) clock.Advance(milliseconds(1));
        CircuitDecision decision = breaker.Acquire();
        if (!decision.permit) {
          ++refused;
          continue;
        }
        ++permitted;
        if (decision.state == CircuitState::kHalfOpen) {
          int now_out = ++out;
          int most = most_out.load();
          while (most < now_out && !most_out.compare_exchange_weak(most, now_out)) {
          }
          --out;
        }
        const int choice = (i * 7 + t * 3) % 10;
        decision.permit->Finish(choice < 6   ? CallOutcome::kFailure
                                : choice < 9 ? CallOutcome::kSuccess
                                             : CallOutcome::kIgnored);
        if (i % 1000 == 0) breaker.Snapshot();
      }
    });
  }
  for (std::jthread& thread : threads) thread.join();
  const CircuitSnapshot snapshot = breaker.Snapshot();
  EXPECT_LE(most_out.load(), config.half_open_permits);
  EXPECT_EQ(snapshot.successful + snapshot.failed + snapshot.ignored, permitted.load());
  EXPECT_EQ(snapshot.not_permitted, refused.load());
  EXPECT_EQ(permitted + refused, kThreads * kCalls);
  std::int64_t transitions = 0;
  for (const auto& row : snapshot.transitions) {
    for (const std::int64_t count : row) transitions += count;
  }
  EXPECT_EQ(transitions, reported.load());
  EXPECT_GT(transitions, 10);
}

TEST(CircuitBreakerThreads, CountEveryCallOnceWhateverTheControlsDo) {
  FakeClock clock;
  CircuitBreakerConfig config;
  config.open_wait = milliseconds(1);
  config.open_wait_max = milliseconds(4);
  config.half_open_max = milliseconds(2);
  CircuitBreaker breaker(
      config, clock, [] { return 0.5; }, nullptr);
  std::atomic<std::int64_t> permitted = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5'000; ++i) {
        clock.Advance(std::chrono::microseconds(50));
        CircuitDecision decision = breaker.Acquire();
        if (decision.permit) {
          ++permitted;
          if (i % 7 != 0) decision.permit->Finish(CallOutcome::kFailure);
        }
        if (i % 101 == t) breaker.ForceOpen();
        if (i % 103 == t) breaker.Disable();
        if (i % 53 == t) breaker.Reset();
      }
    });
  }
  for (std::jthread& thread : threads) thread.join();
  const CircuitSnapshot snapshot = breaker.Snapshot();
  EXPECT_EQ(snapshot.failed + snapshot.ignored, permitted.load());
  EXPECT_EQ(permitted + snapshot.not_permitted, 20'000);
}

}  // namespace
}  // namespace scaleout::gateway
