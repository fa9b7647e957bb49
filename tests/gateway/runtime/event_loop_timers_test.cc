#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "gateway/runtime/event_loop.h"
#include "tests/gateway/runtime/event_loop_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/function_jobs.h"
#include "tests/support/standstill.h"

namespace scaleout::gateway {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using testing::Eventually;
using testing::FunctionTimer;
using testing::FunctionWatcher;

using EventLoopTimersTest = EventLoopTest;

TEST_F(EventLoopTimersTest, RunsATimerOnceItsTimeHasPassed) {
  loops.Start();
  const MonotonicTime start = SystemClock().Now();
  std::atomic<Duration::rep> after{0};
  FunctionTimer timer([&] { after = Duration(SystemClock().Now() - start).count(); });
  OnLoop([&] { loop.After(milliseconds(30), timer); });
  EXPECT_TRUE(Eventually([&] { return after != 0; }));
  EXPECT_GE(Duration(after), milliseconds(30));
}

TEST_F(EventLoopTimersTest, RunsFineTimersWithoutWaitingForTheTick) {
  loops.Start();
  constexpr int kTimers = 1000;  // by the tick they would take 10 s
  const MonotonicTime start = SystemClock().Now();
  std::atomic<int> ran{0};
  std::unique_ptr<FunctionTimer> again;
  again = std::make_unique<FunctionTimer>([&] {
    if (++ran < kTimers) loop.AfterFine(microseconds(100), *again);
  });
  OnLoop([&] { loop.AfterFine(microseconds(100), *again); });
  EXPECT_TRUE(Eventually([&] { return ran == kTimers; }));
  EXPECT_GE(SystemClock().Now() - start, kTimers * microseconds(100));
  EXPECT_LT(SystemClock().Now() - start, testing::kStandstill);
}

TEST_F(EventLoopTimersTest, RunsFineTimersInTheOrderOfTheirTimes) {
  loops.Start();
  FunctionTimer first([this] { Note("first"); });
  FunctionTimer second([this] { Note("second"); });
  FunctionTimer third([this] { Note("third"); });
  FunctionTimer cancelled([this] { Note("cancelled"); });
  OnLoop([&] {
    loop.AfterFine(microseconds(300), second);
    loop.AfterFine(microseconds(100), first);
    loop.AfterFine(microseconds(50), cancelled);
    loop.AfterFine(microseconds(600), third);
    loop.Cancel(cancelled);
  });
  EXPECT_TRUE(Eventually([this] { return Words().size() == 3; }));
  EXPECT_THAT(Words(), ElementsAre("first", "second", "third"));
}

// One that is due before the next tick and one that is due after it: the tick between them must not
// take the second one's time for its own. A timer of the kernel's, due after the second one, says
// what is late: a machine that stands still delays both, and a turn runs timers first.
TEST_F(EventLoopTimersTest, RunsFineTimersOnBothSidesOfATickOnTime) {
  loops.Start();
  constexpr int kRounds = 200;
  const int alarm = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  std::atomic<int> rounds{0};
  std::atomic<int> late{0};
  bool ran = false;
  FunctionTimer first([] {});
  FunctionTimer second([&] { ran = true; });
  const auto start_round = [&] {
    ran = false;
    loop.AfterFine(microseconds(500), first);
    loop.AfterFine(milliseconds(3), second);
    itimerspec schedule{};
    schedule.it_value.tv_nsec = std::chrono::nanoseconds(milliseconds(4)).count();
    ASSERT_EQ(::timerfd_settime(alarm, 0, &schedule, nullptr), 0);
  };
  FunctionWatcher watcher([&](FdEvents) {
    std::uint64_t expirations = 0;
    ASSERT_EQ(::read(alarm, &expirations, sizeof expirations), sizeof expirations);
    if (!ran) ++late;
    loop.Cancel(second);
    if (++rounds < kRounds) start_round();
  });
  OnLoop([&] {
    ASSERT_TRUE(loop.Watch(alarm, {.readable = true}, watcher));
    start_round();
  });
  EXPECT_TRUE(Eventually([&] { return rounds == kRounds; }));
  OnLoop([&] { loop.Unwatch(alarm); });
  ::close(alarm);
  EXPECT_EQ(late, 0) << "a tick in between delayed a third";
}

TEST_F(EventLoopTimersTest, DoesNotRunATimerThatWasCancelled) {
  loops.Start();
  std::atomic<bool> later{false};
  FunctionTimer cancelled([this] { Note("cancelled"); });
  FunctionTimer marker([&] { later = true; });
  OnLoop([&] {
    loop.After(milliseconds(10), cancelled);
    loop.After(milliseconds(50), marker);
    loop.Cancel(cancelled);
  });
  EXPECT_TRUE(Eventually([&] { return later.load(); }));
  EXPECT_TRUE(Words().empty());
}

}  // namespace
}  // namespace scaleout::gateway
