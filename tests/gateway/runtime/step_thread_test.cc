#include "gateway/runtime/step_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

#include "tests/support/eventually.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;

TEST(StepThread, TakesStepsUntilItIsStopped) {
  std::atomic<int> steps = 0;
  StepThread thread("test", [&]() -> Duration {
    ++steps;
    return 0ms;
  });
  thread.Start();
  EXPECT_TRUE(Eventually([&] { return steps > 10; }));
  EXPECT_TRUE(thread.Stop(60s));
  const int at_the_end = steps;
  EXPECT_TRUE(thread.Stop());
  EXPECT_EQ(steps, at_the_end);
}

TEST(StepThread, EndsAPauseEarly) {
  std::atomic<int> steps = 0;
  StepThread thread("test", [&]() -> Duration {
    ++steps;
    return 1h;
  });
  thread.Start();
  ASSERT_TRUE(Eventually([&] { return steps == 1; }));
  EXPECT_TRUE(thread.Stop(60s));
  EXPECT_EQ(steps, 1);
}

TEST(StepThread, IsNotWaitedForBeyondTheLimit) {
  std::promise<void> release;
  std::atomic<bool> began = false;
  StepThread thread("test", [&]() -> Duration {
    began = true;
    release.get_future().wait();
    return 0ms;
  });
  thread.Start();
  ASSERT_TRUE(Eventually([&] { return began.load(); }));
  EXPECT_FALSE(thread.Stop(1ms));
  release.set_value();
  EXPECT_TRUE(thread.Stop(60s));
}

TEST(StepThread, NeedsNeitherStartNorStop) {
  StepThread unused("test", []() -> Duration { return 0ms; });
  EXPECT_TRUE(unused.Stop());
  StepThread thread("test", []() -> Duration { return 1h; });
  thread.Start();
}

}  // namespace
}  // namespace scaleout::gateway
