#include "gateway/runtime/sleep.h"

#include <gtest/gtest.h>

#include <chrono>
#include <coroutine>
#include <string>

#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;

// Suspends its coroutine until the test resumes it.
struct Gate {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiter) { waiting = awaiter; }
  void await_resume() const noexcept {}
  std::coroutine_handle<> waiting;
};

Task<std::string> Pause(RequestContext& context, Duration duration, Gate* gate,
                        Sleep::Precision precision = Sleep::Precision::kTick) {
  Sleep pausing(context, duration, precision);
  co_await pausing;
  if (gate != nullptr) co_await *gate;
  co_return context.cancellation.cancelled() ? "cancelled" : "done";
}

class SleepTest : public ::testing::TestWithParam<Sleep::Precision>,
                  protected testing::RequestFixture {};

TEST_P(SleepTest, ResumesAfterItsTimeAndNotBefore) {
  testing::RunningTask<std::string> pause(Pause(context, milliseconds(20), nullptr, GetParam()));
  clock.Advance(milliseconds(19));
  loop.Run();
  EXPECT_FALSE(pause.done());
  clock.Advance(milliseconds(1));
  loop.Run();
  ASSERT_TRUE(pause.done());
  EXPECT_EQ(pause.value(), "done");
}

TEST_P(SleepTest, ResumesSoonAfterTheClientHasGone) {
  testing::RunningTask<std::string> pause(Pause(context, milliseconds(20), nullptr, GetParam()));
  context.cancellation.Cancel();
  EXPECT_FALSE(pause.done());  // not from within Cancel
  loop.Run();
  ASSERT_TRUE(pause.done());
  EXPECT_EQ(pause.value(), "cancelled");
  EXPECT_EQ(loop.timers(), 0U);
}

TEST_P(SleepTest, IsNoPauseWithoutTimeOrClient) {
  EXPECT_TRUE(testing::RunningTask<std::string>(Pause(context, Duration::zero(), nullptr)).done());
  context.cancellation.Cancel();
  EXPECT_TRUE(testing::RunningTask<std::string>(Pause(context, milliseconds(20), nullptr)).done());
}

// The coroutine waits for something else by then, which a second resumption would break.
TEST_P(SleepTest, DoesNotResumeWhatWaitsForSomethingElseLater) {
  Gate gate;
  testing::RunningTask<std::string> pause(Pause(context, milliseconds(20), &gate, GetParam()));
  clock.Advance(milliseconds(20));
  loop.Run();
  ASSERT_TRUE(gate.waiting);
  context.cancellation.Cancel();
  loop.Run();
  EXPECT_FALSE(pause.done());
  gate.waiting.resume();
  EXPECT_TRUE(pause.done());
}

INSTANTIATE_TEST_SUITE_P(Precisions, SleepTest,
                         ::testing::Values(Sleep::Precision::kTick, Sleep::Precision::kFine));

}  // namespace
}  // namespace scaleout::gateway
