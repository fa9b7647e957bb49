#include "postgres/postgres_watchdog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "tests/support/fake_clock.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;

CallContext CallFor(Duration limit) {
  CallContext call;
  call.deadline = Deadline::In(limit, SystemClock());
  return call;
}

TEST(PostgresWatchdog, CancelsAgainAndAgainUntilTheStatementEnds) {
  PostgresWatchdog watchdog(SystemClock());
  const CallContext call = CallFor(1ms);
  std::promise<void> third;
  std::atomic<int> cancels = 0;
  PostgresWatchdog::Watch watch(watchdog, call, [&] {
    if (++cancels == 3) third.set_value();
  });
  EXPECT_EQ(third.get_future().wait_for(20s), std::future_status::ready);
}

TEST(PostgresWatchdog, LeavesStatementsAloneThatAreWanted) {
  PostgresWatchdog watchdog(SystemClock());
  const CallContext wanted = CallFor(1h);
  const CallContext over = CallFor(0ms);
  std::atomic<int> wrong = 0;
  std::promise<void> right;
  std::atomic<int> cancels = 0;
  const PostgresWatchdog::Watch first(watchdog, wanted, [&] { ++wrong; });
  const PostgresWatchdog::Watch second(watchdog, over, [&] {
    if (++cancels == 3) right.set_value();
  });
  EXPECT_EQ(right.get_future().wait_for(20s), std::future_status::ready);
  EXPECT_EQ(wrong, 0);
}

TEST(PostgresWatchdog, NoticesAClientThatGoes) {
  PostgresWatchdog watchdog(SystemClock());
  std::atomic<bool> gone = false;
  CallContext call;
  call.is_cancelled = [&] { return gone.load(); };
  std::promise<void> cancelled;
  std::atomic<bool> once = false;
  const PostgresWatchdog::Watch watch(watchdog, call, [&] {
    if (!once.exchange(true)) cancelled.set_value();
  });
  gone = true;
  EXPECT_EQ(cancelled.get_future().wait_for(20s), std::future_status::ready);
}

TEST(PostgresWatchdog, EndsNoWatchWhileItsCancelIsUnderWay) {
  PostgresWatchdog watchdog(SystemClock());
  const CallContext over = CallFor(0ms);
  std::promise<void> entered;
  std::promise<void> release;
  std::atomic<bool> first = true;
  std::atomic<bool> finished = false;
  auto watch = std::make_unique<PostgresWatchdog::Watch>(watchdog, over, [&] {
    if (!first.exchange(false)) return;
    entered.set_value();
    release.get_future().wait();
    finished = true;
  });
  entered.get_future().wait();
  std::thread releaser([&] { release.set_value(); });
  watch.reset();
  EXPECT_TRUE(finished);
  releaser.join();
}

TEST(PostgresWatchdog, WakesUpAfterALongSilence) {
  testing::FakeClock clock;
  PostgresWatchdog watchdog(clock);
  clock.Advance(1h);
  CallContext over;
  over.deadline = Deadline::In(0ms, clock);
  std::promise<void> cancelled;
  std::atomic<bool> once = false;
  const PostgresWatchdog::Watch watch(watchdog, over, [&] {
    if (!once.exchange(true)) cancelled.set_value();
  });
  EXPECT_EQ(cancelled.get_future().wait_for(20s), std::future_status::ready);
}

}  // namespace
}  // namespace scaleout
