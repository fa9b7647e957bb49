#include "gateway/runtime/when_all.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using testing::RunningTask;

// Ends when the test says so.
class Gate {
 public:
  bool await_ready() const noexcept { return open_; }
  void await_suspend(std::coroutine_handle<> awaiter) { awaiter_ = awaiter; }
  void await_resume() const noexcept {}
  void Open() {
    open_ = true;
    if (awaiter_) std::exchange(awaiter_, {}).resume();
  }

 private:
  bool open_ = false;
  std::coroutine_handle<> awaiter_;
};

Task<std::string> Pass(Gate& gate, std::string name, std::vector<std::string>& started) {
  started.push_back(name);
  co_await gate;
  co_return name;
}

Task<int> PassNumber(Gate& gate) {
  co_await gate;
  co_return 42;
}

Task<std::string> Fail(Gate& gate, std::string what) {
  co_await gate;
  throw std::runtime_error(what);
}

Task<std::string> Both(Gate& a, Gate& b, std::vector<std::string>& started) {
  Task<std::string> first = Pass(a, "a", started);
  Task<std::string> second = Pass(b, "b", started);
  WhenAll all(first, second);
  const std::tuple<std::string, std::string> both = co_await all;
  co_return std::get<0>(both) + std::get<1>(both);
}

TEST(WhenAll, StartsAllBeforeItWaitsForAny) {
  Gate a;
  Gate b;
  std::vector<std::string> started;
  RunningTask<std::string> running(Both(a, b, started));
  EXPECT_EQ(started, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(running.done());
  b.Open();
  EXPECT_FALSE(running.done());
  a.Open();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.value(), "ab");
}

TEST(WhenAll, TakesTasksThatEndAtOnce) {
  Gate open;
  open.Open();
  std::vector<std::string> started;
  RunningTask<std::string> running(Both(open, open, started));
  EXPECT_EQ(running.value(), "ab");
}

TEST(WhenAll, WaitsForTheSlowOneWhenTheOtherEndsAtOnce) {
  Gate open;
  open.Open();
  Gate slow;
  std::vector<std::string> started;
  RunningTask<std::string> running(Both(open, slow, started));
  EXPECT_FALSE(running.done());
  slow.Open();
  EXPECT_EQ(running.value(), "ab");
}

Task<int> Three(Gate& gate, std::vector<std::string>& started) {
  Task<std::string> text = Pass(gate, "text", started);
  Gate open;
  open.Open();
  Task<int> number = PassNumber(open);
  Task<std::string> other = Pass(open, "other", started);
  WhenAll all(text, number, other);
  const std::tuple<std::string, int, std::string> results = co_await all;
  co_return std::get<1>(results);
}

TEST(WhenAll, TakesTasksOfDifferentTypes) {
  Gate gate;
  std::vector<std::string> started;
  RunningTask<int> running(Three(gate, started));
  gate.Open();
  EXPECT_EQ(running.value(), 42);
}

Task<std::string> Caught(Gate& a, Gate& b) {
  Task<std::string> first = Fail(a, "first");
  Task<std::string> second = Fail(b, "second");
  WhenAll all(first, second);
  std::string caught;
  try {
    co_await all;
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  co_return caught;
}

TEST(WhenAll, RethrowsTheFirstExceptionInArgumentOrderAfterAllHaveEnded) {
  Gate a;
  Gate b;
  RunningTask<std::string> running(Caught(a, b));
  b.Open();
  EXPECT_FALSE(running.done());
  a.Open();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.value(), "first");
}

Task<std::string> Joined(std::vector<Task<std::string>> tasks) {
  WhenEach each(tasks);
  const std::vector<std::string> results = co_await each;
  std::string joined;
  for (const std::string& result : results) joined += result;
  co_return joined;
}

TEST(WhenEach, StartsAllBeforeItWaitsForAnyAndReturnsTheirOrder) {
  Gate gates[3];
  std::vector<std::string> started;
  std::vector<Task<std::string>> tasks;
  tasks.push_back(Pass(gates[0], "a", started));
  tasks.push_back(Pass(gates[1], "b", started));
  tasks.push_back(Pass(gates[2], "c", started));
  RunningTask<std::string> running(Joined(std::move(tasks)));
  EXPECT_EQ(started, (std::vector<std::string>{"a", "b", "c"}));
  gates[2].Open();
  gates[0].Open();
  EXPECT_FALSE(running.done());
  gates[1].Open();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.value(), "abc");
}

TEST(WhenEach, TakesTasksThatEndAtOnce) {
  Gate open;
  open.Open();
  std::vector<std::string> started;
  std::vector<Task<std::string>> tasks;
  tasks.push_back(Pass(open, "a", started));
  tasks.push_back(Pass(open, "b", started));
  RunningTask<std::string> running(Joined(std::move(tasks)));
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.value(), "ab");
}

TEST(WhenEach, ResumesAtOnceWithoutTasks) {
  RunningTask<std::string> running(Joined({}));
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.value(), "");
}

Task<std::string> CaughtOfEach(std::vector<Task<std::string>> tasks) {
  WhenEach each(tasks);
  std::string caught;
  try {
    co_await each;
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  co_return caught;
}

TEST(WhenEach, RethrowsTheFirstExceptionInOrderAfterAllHaveEnded) {
  Gate gates[3];
  std::vector<std::string> started;
  std::vector<Task<std::string>> tasks;
  tasks.push_back(Pass(gates[0], "a", started));
  tasks.push_back(Fail(gates[1], "second"));
  tasks.push_back(Fail(gates[2], "third"));
  RunningTask<std::string> running(CaughtOfEach(std::move(tasks)));
  gates[2].Open();
  gates[1].Open();
  EXPECT_FALSE(running.done());
  gates[0].Open();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.value(), "second");
}

}  // namespace
}  // namespace scaleout::gateway
