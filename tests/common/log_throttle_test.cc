#include "common/log_throttle.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "tests/support/fake_clock.h"

namespace scaleout {
namespace {

TEST(LogThrottle, AdmitsOneLineAnIntervalWithTheCountOfThoseHeldBack) {
  testing::FakeClock clock;
  LogThrottle throttle(std::chrono::seconds(1));
  EXPECT_EQ(throttle.Admit(clock.Now()), 0);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(throttle.Admit(clock.Now()), std::nullopt);
  clock.Advance(std::chrono::milliseconds(999));
  EXPECT_EQ(throttle.Admit(clock.Now()), std::nullopt);
  clock.Advance(std::chrono::milliseconds(1));
  EXPECT_EQ(throttle.Admit(clock.Now()), 10);
  clock.Advance(std::chrono::seconds(5));
  EXPECT_EQ(throttle.Admit(clock.Now()), 0);
}

TEST(LogThrottle, AdmitsOneOfManyThreads) {
  const testing::FakeClock clock;
  LogThrottle throttle(std::chrono::seconds(1));
  std::atomic<int> admitted{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) admitted += throttle.Admit(clock.Now()).has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(admitted, 1);
}

}  // namespace
}  // namespace scaleout
