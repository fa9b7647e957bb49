#include "postgres/postgres_watchdog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;

using Action = PostgresWatchdog::Action;

CallContext CallFor(Duration limit) {
  CallContext call;
  call.deadline = Deadline::In(limit, SystemClock());
  return call;
}

// Counts, and does what the test says.
class ScriptedInterrupter final : public PostgresInterrupter {
 public:
  explicit ScriptedInterrupter(std::function<void()> on_cancel = {})
      : on_cancel_(std::move(on_cancel)) {}

  void Cancel() override {
    ++cancels_;
    if (on_cancel_) on_cancel_();
  }
  void Disconnect() override { ++disconnects_; }

  int cancels() const { return cancels_; }
  int disconnects() const { return disconnects_; }

 private:
  const std::function<void()> on_cancel_;
  std::atomic<int> cancels_ = 0;
  std::atomic<int> disconnects_ = 0;
};

TEST(PostgresWatchdog, CancelsAgainAndAgainUntilTheStatementEnds) {
  PostgresWatchdog watchdog(SystemClock());
  const CallContext call = CallFor(1ms);
  const auto interrupter = std::make_shared<ScriptedInterrupter>();
  const PostgresWatchdog::Watch watch(watchdog, call, Deadline::Never(), Action::kCancel,
                                      interrupter);
  EXPECT_TRUE(Eventually([&] { return interrupter->cancels() >= 3; }));
}

TEST(PostgresWatchdog, LeavesStatementsAloneThatAreWanted) {
  PostgresWatchdog watchdog(SystemClock());
  const CallContext wanted = CallFor(1h);
  const CallContext over = CallFor(0ms);
  const auto left_alone = std::make_shared<ScriptedInterrupter>();
  const auto cancelled = std::make_shared<ScriptedInterrupter>();
  const PostgresWatchdog::Watch first(watchdog, wanted, Deadline::Never(), Action::kCancel,
                                      left_alone);
  const PostgresWatchdog::Watch second(watchdog, over, Deadline::Never(), Action::kCancel,
                                       cancelled);
  EXPECT_TRUE(Eventually([&] { return cancelled->cancels() >= 3; }));
  EXPECT_EQ(left_alone->cancels(), 0);
  EXPECT_EQ(left_alone->disconnects(), 0);
}

TEST(PostgresWatchdog, CancelsWhenTheClientIsGone) {
  PostgresWatchdog watchdog(SystemClock());
  std::atomic<bool> gone = false;
  CallContext call;
  call.is_cancelled = [&] { return gone.load(); };
  const auto interrupter = std::make_shared<ScriptedInterrupter>();
  const PostgresWatchdog::Watch watch(watchdog, call, Deadline::Never(), Action::kCancel,
                                      interrupter);
  gone = true;
  EXPECT_TRUE(Eventually([&] { return interrupter->cancels() > 0; }));
}

TEST(PostgresWatchdog, CancelsWhenTheLimitPassesBeforeTheCallsDeadline) {
  PostgresWatchdog watchdog(SystemClock());
  const CallContext call = CallFor(1h);
  const auto interrupter = std::make_shared<ScriptedInterrupter>();
  const PostgresWatchdog::Watch watch(watchdog, call, Deadline::In(1ms, SystemClock()),
                                      Action::kCancel, interrupter);
  EXPECT_TRUE(Eventually([&] { return interrupter->cancels() > 0; }));
}

TEST(PostgresWatchdog, DisconnectsWhatACancelDoesNotEnd) {
  testing::FakeClock clock;
  PostgresWatchdog watchdog(clock);
  CallContext over;
  over.deadline = Deadline::In(0ms, clock);
  const auto interrupter = std::make_shared<ScriptedInterrupter>();
  const PostgresWatchdog::Watch watch(watchdog, over, Deadline::Never(), Action::kCancel,
                                      interrupter);
  ASSERT_TRUE(Eventually([&] { return interrupter->cancels() > 0; }));
  clock.Advance(PostgresWatchdog::kDisconnectAfter - 1ms);
  const int before = interrupter->cancels();
  ASSERT_TRUE(Eventually([&] { return interrupter->cancels() > before; }));
  EXPECT_EQ(interrupter->disconnects(), 0);
  clock.Advance(1ms);
  EXPECT_TRUE(Eventually([&] { return interrupter->disconnects() == 1; }));
}

TEST(PostgresWatchdog, DisconnectsACommitWithoutCancellingIt) {
  PostgresWatchdog watchdog(SystemClock());
  const CallContext over = CallFor(0ms);
  const auto interrupter = std::make_shared<ScriptedInterrupter>();
  const PostgresWatchdog::Watch watch(watchdog, over, Deadline::Never(), Action::kDisconnect,
                                      interrupter);
  EXPECT_TRUE(Eventually([&] { return interrupter->disconnects() == 1; }));
  EXPECT_EQ(interrupter->cancels(), 0);
}

TEST(PostgresWatchdog, WaitsForACancelThatIsUnderWayBeforeAWatchEnds) {
  PostgresWatchdog watchdog(SystemClock());
  const CallContext over = CallFor(0ms);
  std::promise<void> entered;
  std::promise<void> release;
  std::atomic<bool> first = true;
  std::atomic<bool> finished = false;
  const auto interrupter = std::make_shared<ScriptedInterrupter>([&] {
    if (!first.exchange(false)) return;
    entered.set_value();
    release.get_future().wait();
    finished = true;
  });
  auto watch = std::make_unique<PostgresWatchdog::Watch>(watchdog, over, Deadline::Never(),
                                                         Action::kCancel, interrupter);
  entered.get_future().wait();
  std::jthread releaser([&] { release.set_value(); });
  watch.reset();
  EXPECT_TRUE(finished);
  releaser.join();
}

TEST(PostgresWatchdog, WaitsForNoCancelThatIsHeldUpOnceItIsDisconnected) {
  // Outlives the watchdog, as a request to a frozen server does.
  auto release = std::make_shared<std::promise<void>>();
  auto held_up = std::make_shared<std::atomic<int>>(0);
  const auto released = release->get_future().share();
  const auto interrupter = std::make_shared<ScriptedInterrupter>([held_up, released] {
    ++*held_up;
    released.wait();
    --*held_up;
  });
  {
    testing::FakeClock clock;
    PostgresWatchdog watchdog(clock);
    CallContext over;
    over.deadline = Deadline::In(0ms, clock);
    std::vector<std::unique_ptr<PostgresWatchdog::Watch>> watches;
    for (int i = 0; i < PostgresWatchdog::kMaxCancels + 2; ++i) {
      watches.push_back(std::make_unique<PostgresWatchdog::Watch>(watchdog, over, Deadline::Never(),
                                                                  Action::kCancel, interrupter));
    }
    // A test that fails here must not wait for them either.
    absl::Cleanup release_after_failure = [&] { release->set_value(); };
    ASSERT_TRUE(Eventually([&] { return *held_up == PostgresWatchdog::kMaxCancels; }));
    clock.Advance(PostgresWatchdog::kDisconnectAfter);
    ASSERT_TRUE(Eventually(
        [&] { return interrupter->disconnects() == PostgresWatchdog::kMaxCancels + 2; }));
    std::move(release_after_failure).Cancel();
    watches.clear();
    EXPECT_EQ(*held_up, PostgresWatchdog::kMaxCancels);
  }
  release->set_value();
  EXPECT_TRUE(Eventually([&] { return *held_up == 0; }));
}

TEST(PostgresWatchdog, WakesUpAfterALongSilence) {
  testing::FakeClock clock;
  PostgresWatchdog watchdog(clock);
  clock.Advance(1h);
  CallContext over;
  over.deadline = Deadline::In(0ms, clock);
  const auto interrupter = std::make_shared<ScriptedInterrupter>();
  const PostgresWatchdog::Watch watch(watchdog, over, Deadline::Never(), Action::kCancel,
                                      interrupter);
  EXPECT_TRUE(Eventually([&] { return interrupter->cancels() > 0; }));
}

}  // namespace
}  // namespace scaleout
