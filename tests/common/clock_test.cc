#include "common/clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>

#include "tests/support/fake_clock.h"

namespace scaleout {
namespace {

TEST(SystemClock, NeverGoesBack) {
  MonotonicTime before = SystemClock().Now();
  for (int i = 0; i < 1000; ++i) {
    const MonotonicTime now = SystemClock().Now();
    ASSERT_GE(now, before);
    before = now;
  }
}

TEST(SystemClock, WallTimeIsUtc) {
  const std::time_t before = std::time(nullptr);
  const std::time_t now = std::chrono::system_clock::to_time_t(SystemClock().WallNow());
  EXPECT_GE(now, before);
  EXPECT_LE(now, before + 60);
}

TEST(FakeClock, MovesOnlyWhenAdvanced) {
  testing::FakeClock clock;
  const MonotonicTime start = clock.Now();
  const WallTime wall_start = clock.WallNow();
  EXPECT_EQ(clock.Now(), start);

  clock.Advance(std::chrono::milliseconds(1500));
  EXPECT_EQ(clock.Now() - start, std::chrono::milliseconds(1500));
  EXPECT_EQ(clock.WallNow() - wall_start, std::chrono::milliseconds(1500));
}

}  // namespace
}  // namespace scaleout
