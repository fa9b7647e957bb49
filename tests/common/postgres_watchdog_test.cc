#include "common/postgres_watchdog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

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

TEST(PostgresWatchdog, NeverCancelsAfterTheWatchHasEnded) {
  PostgresWatchdog watchdog(SystemClock());
  const CallContext over = CallFor(0ms);
  for (int i = 0; i < 50; ++i) {
    std::atomic<bool> ended = false;
    std::atomic<bool> late = false;
    {
      const PostgresWatchdog::Watch watch(watchdog, over, [&] {
        std::this_thread::sleep_for(1ms);
        if (ended) late = true;
      });
      std::this_thread::sleep_for(std::chrono::microseconds(100 * i));
    }
    ended = true;
    EXPECT_FALSE(late);
  }
}

TEST(PostgresWatchdog, WakesUpAfterALongSilence) {
  PostgresWatchdog watchdog(SystemClock());
  std::this_thread::sleep_for(1200ms);
  const CallContext over = CallFor(0ms);
  std::promise<void> cancelled;
  std::atomic<bool> once = false;
  const PostgresWatchdog::Watch watch(watchdog, over, [&] {
    if (!once.exchange(true)) cancelled.set_value();
  });
  EXPECT_EQ(cancelled.get_future().wait_for(20s), std::future_status::ready);
}

}  // namespace
}  // namespace scaleout
