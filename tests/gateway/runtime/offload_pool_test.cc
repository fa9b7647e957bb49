#include "gateway/runtime/offload_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "common/status.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using testing::RequestFixture;
using testing::RunningTask;

// Work that has begun and ends when the test says so.
class Blocker {
 public:
  OffloadPool::Work Work() {
    return [this](std::stop_token) {
      began_.set_value();
      end_.get_future().wait();
    };
  }
  void WaitUntilBegun() { began_.get_future().wait(); }
  void End() { end_.set_value(); }

 private:
  std::promise<void> began_;
  std::promise<void> end_;
};

TEST(OffloadPool, WorksOnItsOwnThreadAndResumesOnTheLoop) {
  RequestFixture fixture;
  OffloadPool pool(1, 4);
  std::thread::id worker;
  RunningTask<absl::Status> running(pool.Run(
      fixture.context, [&worker](std::stop_token) { worker = std::this_thread::get_id(); }));
  EXPECT_FALSE(running.done());
  ASSERT_TRUE(fixture.loop.RunUntil([&] { return running.done(); }));
  EXPECT_TRUE(running.value().ok());
  EXPECT_NE(worker, std::thread::id());
  EXPECT_NE(worker, std::this_thread::get_id());
}

TEST(OffloadPool, RefusesAtOnceWhenItsQueueIsFull) {
  RequestFixture fixture;
  OffloadPool pool(1, 1);
  Blocker blocker;
  RunningTask<absl::Status> working(pool.Run(fixture.context, blocker.Work()));
  blocker.WaitUntilBegun();
  RunningTask<absl::Status> waiting(pool.Run(fixture.context, [](std::stop_token) {}));
  EXPECT_FALSE(waiting.done());
  RunningTask<absl::Status> refused(pool.Run(fixture.context, [](std::stop_token) { FAIL(); }));
  ASSERT_TRUE(refused.done());
  EXPECT_EQ(refused.value().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(refused.value()), "OVERLOADED");

  blocker.End();
  ASSERT_TRUE(fixture.loop.RunUntil([&] { return working.done() && waiting.done(); }));
  EXPECT_TRUE(working.value().ok());
  EXPECT_TRUE(waiting.value().ok());
}

TEST(OffloadPool, WithoutAQueueTakesAsMuchWorkAsItHasThreads) {
  RequestFixture fixture;
  OffloadPool pool(2, 0);
  Blocker first;
  Blocker second;
  RunningTask<absl::Status> one(pool.Run(fixture.context, first.Work()));
  RunningTask<absl::Status> two(pool.Run(fixture.context, second.Work()));
  RunningTask<absl::Status> refused(pool.Run(fixture.context, [](std::stop_token) { FAIL(); }));
  ASSERT_TRUE(refused.done());
  EXPECT_EQ(ReasonOf(refused.value()), "OVERLOADED");
  ASSERT_FALSE(one.done());
  ASSERT_FALSE(two.done());
  first.End();
  second.End();
  ASSERT_TRUE(fixture.loop.RunUntil([&] { return one.done() && two.done(); }));
  EXPECT_TRUE(one.value().ok());
  EXPECT_TRUE(two.value().ok());
}

TEST(OffloadPool, DropsQueuedWorkWhenItsClientLeaves) {
  RequestFixture busy;
  RequestFixture gone;
  OffloadPool pool(1, 4);
  Blocker blocker;
  RunningTask<absl::Status> working(pool.Run(busy.context, blocker.Work()));
  blocker.WaitUntilBegun();
  RunningTask<absl::Status> waiting(pool.Run(gone.context, [](std::stop_token) { FAIL(); }));
  gone.context.cancellation.Cancel();
  gone.loop.Run();
  ASSERT_TRUE(waiting.done()) << "it waited for the work before it";
  EXPECT_EQ(waiting.value().code(), absl::StatusCode::kCancelled);
  blocker.End();
  ASSERT_TRUE(busy.loop.RunUntil([&] { return working.done(); }));
}

TEST(OffloadPool, GivesTheQueuePlaceOfARequestThatEndedToAnother) {
  RequestFixture busy;
  RequestFixture gone;
  OffloadPool pool(1, 1);
  Blocker blocker;
  RunningTask<absl::Status> working(pool.Run(busy.context, blocker.Work()));
  blocker.WaitUntilBegun();
  RunningTask<absl::Status> waiting(pool.Run(gone.context, [](std::stop_token) { FAIL(); }));
  gone.context.cancellation.Cancel();
  gone.loop.Run();
  RunningTask<absl::Status> next(pool.Run(busy.context, [](std::stop_token) {}));
  EXPECT_FALSE(next.done());
  blocker.End();
  ASSERT_TRUE(busy.loop.RunUntil([&] { return working.done() && next.done(); }));
  EXPECT_TRUE(next.value().ok());
}

TEST(OffloadPool, StopsWorkAtTheDeadlineOfItsRequest) {
  RequestFixture fixture;
  OffloadPool pool(1, 4);
  std::promise<void> began;
  RunningTask<absl::Status> running(pool.Run(fixture.context, [&began](std::stop_token stop) {
    began.set_value();
    while (!stop.stop_requested()) std::this_thread::yield();
  }));
  began.get_future().wait();
  fixture.clock.Advance(std::chrono::seconds(3));
  ASSERT_TRUE(fixture.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(running.value().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ReasonOf(running.value()), "DEADLINE_EXCEEDED");
}

TEST(OffloadPool, DropsQueuedWorkAtTheDeadlineOfItsRequest) {
  RequestFixture busy;
  RequestFixture fixture;
  OffloadPool pool(1, 4);
  Blocker blocker;
  RunningTask<absl::Status> working(pool.Run(busy.context, blocker.Work()));
  blocker.WaitUntilBegun();
  RunningTask<absl::Status> waiting(pool.Run(fixture.context, [](std::stop_token) { FAIL(); }));
  fixture.clock.Advance(std::chrono::seconds(3));
  fixture.loop.Run();
  ASSERT_TRUE(waiting.done()) << "it waited for the work before it";
  EXPECT_EQ(waiting.value().code(), absl::StatusCode::kDeadlineExceeded);
  blocker.End();
  ASSERT_TRUE(busy.loop.RunUntil([&] { return working.done(); }));
}

TEST(OffloadPool, DoesNotBeginWorkAfterTheDeadline) {
  RequestFixture fixture;
  OffloadPool pool(1, 4);
  fixture.clock.Advance(std::chrono::seconds(3));
  RunningTask<absl::Status> running(pool.Run(fixture.context, [](std::stop_token) { FAIL(); }));
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.value().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(OffloadPool, LeavesNoTimerBehind) {
  RequestFixture fixture;
  OffloadPool pool(1, 4);
  RunningTask<absl::Status> running(pool.Run(fixture.context, [](std::stop_token) {}));
  ASSERT_TRUE(fixture.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(fixture.loop.timers(), 0U);
}

TEST(OffloadPool, StopsWorkWhenItsClientLeaves) {
  RequestFixture fixture;
  OffloadPool pool(1, 4);
  std::promise<void> began;
  RunningTask<absl::Status> running(pool.Run(fixture.context, [&began](std::stop_token stop) {
    began.set_value();
    while (!stop.stop_requested()) std::this_thread::yield();
  }));
  began.get_future().wait();
  fixture.context.cancellation.Cancel();
  ASSERT_TRUE(fixture.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(running.value().code(), absl::StatusCode::kCancelled);
}

TEST(OffloadPool, StopAnswersWhatWaitsAndEndsWhatRuns) {
  RequestFixture fixture;
  OffloadPool pool(1, 4);
  std::promise<void> began;
  RunningTask<absl::Status> working(pool.Run(fixture.context, [&began](std::stop_token stop) {
    began.set_value();
    while (!stop.stop_requested()) std::this_thread::yield();
  }));
  began.get_future().wait();
  RunningTask<absl::Status> waiting(pool.Run(fixture.context, [](std::stop_token) { FAIL(); }));
  pool.Stop();
  fixture.loop.Run();
  ASSERT_TRUE(working.done());
  ASSERT_TRUE(waiting.done());
  EXPECT_TRUE(working.value().ok());
  EXPECT_EQ(ReasonOf(waiting.value()), "DRAINING");

  RunningTask<absl::Status> late(pool.Run(fixture.context, [](std::stop_token) { FAIL(); }));
  ASSERT_TRUE(late.done());
  EXPECT_EQ(ReasonOf(late.value()), "DRAINING");
}

TEST(OffloadPool, RunsAsMuchAtOnceAsItHasThreads) {
  RequestFixture fixture;
  OffloadPool pool(2, 4);
  Blocker first;
  Blocker second;
  RunningTask<absl::Status> one(pool.Run(fixture.context, first.Work()));
  RunningTask<absl::Status> two(pool.Run(fixture.context, second.Work()));
  first.WaitUntilBegun();
  second.WaitUntilBegun();
  first.End();
  second.End();
  ASSERT_TRUE(fixture.loop.RunUntil([&] { return one.done() && two.done(); }));
}

TEST(OffloadPool, RunsTheWorkOfEveryOneOfManyCallers) {
  RequestFixture fixture;
  OffloadPool pool(4, 1000);
  std::atomic<int> done{0};
  std::vector<std::unique_ptr<RunningTask<absl::Status>>> tasks;
  for (int i = 0; i < 1000; ++i) {
    tasks.push_back(std::make_unique<RunningTask<absl::Status>>(
        pool.Run(fixture.context, [&done](std::stop_token) { ++done; })));
  }
  ASSERT_TRUE(fixture.loop.RunUntil([&] {
    for (const auto& task : tasks) {
      if (!task->done()) return false;
    }
    return true;
  }));
  EXPECT_EQ(done, 1000);
}

}  // namespace
}  // namespace scaleout::gateway
