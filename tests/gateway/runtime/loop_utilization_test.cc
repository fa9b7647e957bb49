#include "gateway/runtime/loop_utilization.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MonotonicTime At(Duration time) { return MonotonicTime(seconds(1000) + time); }

// Turns of `busy` every 10 ms from `from` to `to`.
void Turns(LoopUtilization& loop, Duration from, Duration to, Duration busy) {
  for (Duration time = from; time < to; time += milliseconds(10)) {
    loop.OnWake(At(time));
    loop.OnIdle(At(time + busy));
  }
}

TEST(LoopUtilization, IsZeroBeforeTheFirstTurn) {
  const LoopUtilization loop;
  EXPECT_EQ(loop.Ratio(At(seconds(5))), 0);
}

TEST(LoopUtilization, IsTheBusyShareOfTheLastSecond) {
  LoopUtilization loop;
  Turns(loop, seconds(0), seconds(3), milliseconds(3));
  EXPECT_NEAR(loop.Ratio(At(seconds(3))), 0.3, 0.01);
  Turns(loop, seconds(3), seconds(6), milliseconds(9));
  EXPECT_NEAR(loop.Ratio(At(seconds(6))), 0.9, 0.01);
}

TEST(LoopUtilization, ForgetsWhatIsOlderThanASecond) {
  LoopUtilization loop;
  Turns(loop, seconds(0), seconds(3), milliseconds(9));
  EXPECT_NEAR(loop.Ratio(At(milliseconds(3500))), 0.5, 0.1);
  EXPECT_EQ(loop.Ratio(At(milliseconds(4000))), 0);
  EXPECT_EQ(loop.Ratio(At(std::chrono::hours(1))), 0);
}

TEST(LoopUtilization, CountsATurnThatHasNotEnded) {
  LoopUtilization loop;
  Turns(loop, seconds(0), seconds(3), milliseconds(1));
  loop.OnWake(At(seconds(3)));
  EXPECT_NEAR(loop.Ratio(At(milliseconds(3500))), 0.55, 0.06);
  EXPECT_DOUBLE_EQ(loop.Ratio(At(seconds(5))), 1);
  EXPECT_DOUBLE_EQ(loop.Ratio(At(std::chrono::hours(1))), 1);
}

TEST(LoopUtilization, SpreadsALongTurnOverItsSlots) {
  LoopUtilization loop;
  loop.OnWake(At(seconds(0)));
  loop.OnIdle(At(milliseconds(2350)));
  EXPECT_NEAR(loop.Ratio(At(milliseconds(2350))), 1, 1e-9);
  EXPECT_NEAR(loop.Ratio(At(milliseconds(2850))), 0.5, 0.06);
}

TEST(LoopUtilization, IsOfTheTimeSinceTheFirstTurnWhenThatIsLess) {
  LoopUtilization loop;
  loop.OnWake(At(milliseconds(20)));
  loop.OnIdle(At(milliseconds(30)));
  EXPECT_DOUBLE_EQ(loop.Ratio(At(milliseconds(40))), 0.5);
}

TEST(LoopUtilization, TakesWakingTwiceAsOneTurnAndIdlingTwiceAsNothing) {
  LoopUtilization loop;
  loop.OnIdle(At(milliseconds(5)));
  loop.OnWake(At(milliseconds(10)));
  loop.OnWake(At(milliseconds(15)));
  loop.OnIdle(At(milliseconds(20)));
  loop.OnIdle(At(milliseconds(30)));
  EXPECT_DOUBLE_EQ(loop.Ratio(At(milliseconds(30))), 0.5);
}

TEST(LoopUtilization, MayBeReadWhileTheLoopRuns) {
  LoopUtilization loop;
  std::atomic<bool> done = false;
  std::jthread reader([&] {
    while (!done) {
      const double ratio = loop.Ratio(At(seconds(2)));
      EXPECT_GE(ratio, 0);
      EXPECT_LE(ratio, 1);
    }
  });
  for (int i = 0; i < 20; ++i) Turns(loop, seconds(0), seconds(5), milliseconds(5));
  done = true;
  reader.join();
}

}  // namespace
}  // namespace scaleout::gateway
