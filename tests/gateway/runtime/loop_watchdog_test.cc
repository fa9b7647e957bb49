#include "gateway/runtime/loop_watchdog.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/runtime/loop_watchdog_thread.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"

namespace scaleout::gateway {
namespace {

using ::scaleout::testing::Eventually;
using ::scaleout::testing::FakeClock;
using ::scaleout::testing::FakeLogger;
using ::scaleout::testing::LoggedLine;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kLags[] = "event loop lags";
constexpr char kBlocked[] = "event loop is blocked";
constexpr char kHealthy[] = "event loop is healthy again";
constexpr char kGivesUp[] = "event loop makes no progress, giving up";

const RouteDescription kCpuBound{"/api/cpu-bound"};

class LoopWatchdogTest : public ::testing::Test {
 protected:
  // Time passes in steps of 5 ms, with a look of the watchdog at each. A loop that runs takes its
  // ticks when they are due.
  void Pass(Duration time, bool loop_runs) {
    for (Duration passed(0); passed < time; passed += milliseconds(5)) {
      clock_.Advance(milliseconds(5));
      if (loop_runs) TakeTick();
      watchdog_.Check(clock_.Now());
    }
  }
  void RunLoop(Duration time) { Pass(time, true); }
  // The loop is blocked until it is `lag` late, then it takes its tick.
  void Block(Duration lag) {
    Pass(next_ - clock_.Now() + lag, false);
    TakeTick();
    watchdog_.Check(clock_.Now());
  }
  void TakeTick() {
    const MonotonicTime now = clock_.Now();
    if (now < next_) return;
    monitor_.OnTick(next_, now);
    while (next_ <= now) next_ += kLagTick;
  }
  LoggedLine Line(const char* message) {
    const std::optional<LoggedLine> line = logger_.Find(message);
    EXPECT_TRUE(line.has_value()) << message;
    return line.value_or(LoggedLine{});
  }

  FakeClock clock_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  FakeLogger logger_;
  int aborts_ = 0;
  LoopLagMonitor monitor_{clock_, 0, *metrics_};
  LoopWatchdog watchdog_{LoopWatchdogConfig(), {&monitor_}, logger_, [this] { ++aborts_; }};
  MonotonicTime next_ = clock_.Now() + kLagTick;
};

TEST_F(LoopWatchdogTest, IsSilentWhileTheLoopIsOnTime) {
  RunLoop(seconds(60));
  EXPECT_TRUE(logger_.lines().empty());
}

TEST_F(LoopWatchdogTest, IsSilentUpToTenMilliseconds) {
  RunLoop(seconds(1));
  Block(milliseconds(10));
  RunLoop(seconds(5));
  EXPECT_TRUE(logger_.lines().empty());
}

TEST_F(LoopWatchdogTest, WarnsOnceOfALagOverTenMilliseconds) {
  RunLoop(seconds(1));
  Block(milliseconds(20));
  RunLoop(milliseconds(10));
  const LoggedLine line = Line(kLags);
  EXPECT_EQ(line.level, LogLevel::kWarn);
  EXPECT_EQ(line.fields.at("loop"), "0");
  EXPECT_EQ(line.fields.at("heldBack"), "0");
  EXPECT_EQ(line.fields.at("lagMs"), "20");
  EXPECT_EQ(line.fields.count("route"), 0u);
  RunLoop(seconds(10));
  EXPECT_EQ(logger_.CountOf(kLags), 1u);
}

TEST_F(LoopWatchdogTest, NamesTheRouteWhileItStillHoldsTheLoop) {
  RunLoop(seconds(1));
  monitor_.EnterRoute(kCpuBound);
  Pass(milliseconds(50), false);  // blocked; for how long is not known yet
  const LoggedLine line = Line(kBlocked);
  EXPECT_EQ(line.level, LogLevel::kWarn);
  EXPECT_EQ(line.fields.at("route"), "/api/cpu-bound");
  EXPECT_EQ(line.fields.at("lagMs"), "30");
  monitor_.LeaveRoute();
  Block(seconds(3));
  EXPECT_EQ(logger_.CountOf(kBlocked), 1u);
  EXPECT_EQ(logger_.CountOf(kLags), 0u);
}

TEST_F(LoopWatchdogTest, WarnsOfAStallThatItSawOnlyAfterwards) {
  RunLoop(seconds(1));
  monitor_.EnterRoute(kCpuBound);
  clock_.Advance(milliseconds(60));
  monitor_.LeaveRoute();
  TakeTick();
  watchdog_.Check(clock_.Now());
  EXPECT_EQ(Line(kBlocked).fields.at("route"), "/api/cpu-bound");
  EXPECT_EQ(Line(kBlocked).fields.at("lagMs"), "50");
}

TEST_F(LoopWatchdogTest, SaysOnceThatTheLoopIsHealthyAgain) {
  RunLoop(seconds(1));
  monitor_.EnterRoute(kCpuBound);
  Block(seconds(3));
  monitor_.LeaveRoute();
  EXPECT_EQ(logger_.CountOf(kHealthy), 0u);
  RunLoop(milliseconds(900));
  EXPECT_EQ(logger_.CountOf(kHealthy), 0u);
  RunLoop(milliseconds(200));
  const LoggedLine line = Line(kHealthy);
  EXPECT_EQ(line.level, LogLevel::kInfo);
  EXPECT_EQ(line.fields.at("loop"), "0");
  EXPECT_EQ(line.fields.at("lagMsMax"), "3000");
  EXPECT_EQ(line.fields.at("route"), "/api/cpu-bound");
  RunLoop(seconds(60));
  EXPECT_EQ(logger_.CountOf(kHealthy), 1u);
}

TEST_F(LoopWatchdogTest, LogsOneWarningASecondAndHowManyWereHeldBack) {
  RunLoop(seconds(1));
  for (int i = 0; i < 50; ++i) {  // a lag every 40 ms, for two seconds
    Block(milliseconds(20));
    RunLoop(milliseconds(10));
  }
  const std::size_t warnings = logger_.CountOf(kLags);
  EXPECT_GE(warnings, 2u);
  EXPECT_LE(warnings, 3u);
  std::size_t held_back = 0;
  for (const LoggedLine& line : logger_.lines()) {
    held_back += static_cast<std::size_t>(std::stoi(line.fields.at("heldBack")));
  }
  RunLoop(seconds(2));
  held_back += static_cast<std::size_t>(std::stoi(Line(kHealthy).fields.at("heldBack")));
  EXPECT_EQ(warnings + held_back, 50u);
  EXPECT_EQ(logger_.CountOf(kHealthy), 1u);
}

TEST_F(LoopWatchdogTest, CountsTheRateOfEachLoopByItself) {
  LoopLagMonitor second(clock_, 1, *metrics_);
  LoopWatchdog watchdog(LoopWatchdogConfig(), {&monitor_, &second}, logger_, [] {});
  for (LoopLagMonitor* monitor : {&monitor_, &second}) {
    monitor->OnTick(clock_.Now(), clock_.Now());
  }
  clock_.Advance(milliseconds(50));
  watchdog.Check(clock_.Now());
  ASSERT_EQ(logger_.CountOf(kBlocked), 2u);
  EXPECT_EQ(logger_.lines()[0].fields.at("loop"), "0");
  EXPECT_EQ(logger_.lines()[1].fields.at("loop"), "1");
  EXPECT_EQ(logger_.lines()[1].fields.at("route"), "none");
}

TEST_F(LoopWatchdogTest, IgnoresALoopThatHasNotBegun) {
  for (int i = 0; i < 10'000; ++i) {
    clock_.Advance(milliseconds(5));
    watchdog_.Check(clock_.Now());
  }
  EXPECT_TRUE(logger_.lines().empty());
  EXPECT_EQ(aborts_, 0);
}

TEST_F(LoopWatchdogTest, GivesUpOnceWhenNoTickIsTakenForFifteenSeconds) {
  RunLoop(seconds(1));
  monitor_.EnterRoute(kCpuBound);
  Pass(milliseconds(14'900), false);
  EXPECT_EQ(aborts_, 0);
  Pass(milliseconds(200), false);
  EXPECT_EQ(aborts_, 1);
  const LoggedLine line = Line(kGivesUp);
  EXPECT_EQ(line.level, LogLevel::kError);
  EXPECT_EQ(line.fields.at("route"), "/api/cpu-bound");
  EXPECT_EQ(line.fields.at("stuckMs"), "15000");
  Pass(seconds(60), false);
  EXPECT_EQ(aborts_, 1);
  EXPECT_EQ(logger_.CountOf(kGivesUp), 1u);
}

TEST_F(LoopWatchdogTest, DoesNotGiveUpOnALoopThatIsLateButRuns) {
  RunLoop(seconds(1));
  for (int i = 0; i < 10; ++i) Block(seconds(14));
  EXPECT_EQ(aborts_, 0);
}

TEST_F(LoopWatchdogTest, ForgivesTheTimeInWhichTheWholeProcessWasStopped) {
  RunLoop(seconds(1));
  clock_.Advance(std::chrono::hours(1));
  watchdog_.Check(clock_.Now());
  EXPECT_EQ(aborts_, 0);
  RunLoop(seconds(1));
  EXPECT_EQ(aborts_, 0);
}

TEST(LoopWatchdogThread, LooksWhileALoopIsBlockedAndEndsWhenDestroyed) {
  FakeLogger logger;
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  LoopLagMonitor monitor(SystemClock(), 0, *metrics);
  LoopWatchdog watchdog(LoopWatchdogConfig(), {&monitor}, logger, [] {});
  const MonotonicTime start = SystemClock().Now();
  monitor.OnTick(start, start);
  monitor.EnterRoute(kCpuBound);
  {
    const LoopWatchdogThread thread(watchdog, SystemClock());
    EXPECT_TRUE(Eventually([&] { return logger.CountOf(kBlocked) != 0; }));
  }
  ASSERT_EQ(logger.CountOf(kBlocked), 1u);
  EXPECT_EQ(logger.Find(kBlocked)->fields.at("route"), "/api/cpu-bound");
}

}  // namespace
}  // namespace scaleout::gateway
