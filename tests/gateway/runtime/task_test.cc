#include "gateway/runtime/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using testing::RunningTask;

// Suspends until its executor runs it, as every real awaitable does.
class Yield final : public Job {
 public:
  explicit Yield(Executor& loop) : loop_(loop) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    awaiter_ = awaiter;
    loop_.Post(*this);
  }
  void await_resume() const noexcept {}
  void Run() override { awaiter_.resume(); }

 private:
  Executor& loop_;
  std::coroutine_handle<> awaiter_;
};

Task<int> Mark(bool& started) {
  started = true;
  co_return 7;
}

TEST(Task, StartsWhenItIsAwaitedAndNotBefore) {
  bool started = false;
  Task<int> task = Mark(started);
  EXPECT_FALSE(started);
  RunningTask<int> running(std::move(task));
  EXPECT_TRUE(started);
  EXPECT_EQ(running.value(), 7);
}

TEST(Task, DestroyedUnstartedRunsNothing) {
  bool started = false;
  { Task<int> task = Mark(started); }
  EXPECT_FALSE(started);
}

Task<int> AddLater(Executor& loop, int a, int b) {
  Yield yield(loop);
  co_await yield;
  co_return a + b;
}

Task<int> AddTwice(Executor& loop) {
  Task<int> first = AddLater(loop, 1, 2);
  const int once = co_await first;
  Task<int> second = AddLater(loop, once, 10);
  const int twice = co_await second;
  co_return twice;
}

TEST(Task, GoesOnWhenItsExecutorSaysSo) {
  testing::RequestFixture fixture;
  RunningTask<int> running(AddTwice(fixture.loop));
  EXPECT_FALSE(running.done());
  EXPECT_EQ(fixture.loop.Run(), 2);
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.value(), 13);
}

Task<std::unique_ptr<std::string>> MakeText() { co_return std::make_unique<std::string>("moved"); }

TEST(Task, HandsBackWhatCanOnlyBeMoved) {
  RunningTask<std::unique_ptr<std::string>> running(MakeText());
  EXPECT_EQ(*running.value(), "moved");
}

Task<int> Throw(Executor& loop) {
  Yield yield(loop);
  co_await yield;
  throw std::runtime_error("thrown");
}

Task<std::string> Catch(Executor& loop) {
  Task<int> task = Throw(loop);
  std::string caught;
  try {
    co_await task;
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  co_return caught;
}

TEST(Task, RethrowsAnExceptionToItsAwaiter) {
  testing::RequestFixture fixture;
  RunningTask<std::string> running(Catch(fixture.loop));
  fixture.loop.Run();
  EXPECT_EQ(running.value(), "thrown");
}

Task<void> DoNothing() { co_return; }

Task<int> Count(int times) {
  int count = 0;
  for (int i = 0; i < times; ++i) {
    Task<void> step = DoNothing();
    co_await step;
    ++count;
  }
  co_return count;
}

TEST(Task, AwaitsManyInARow) {
  RunningTask<int> running(Count(1000));
  EXPECT_EQ(running.value(), 1000);
}

}  // namespace
}  // namespace scaleout::gateway
