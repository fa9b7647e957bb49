#include "service/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

#include "tests/support/eventually.h"

namespace scaleout {
namespace {

TEST(WorkerPool, RunsWhatItIsGivenInOrder) {
  std::vector<int> order;
  {
    WorkerPool pool(1, 100);
    for (int i = 0; i < 50; ++i) {
      EXPECT_TRUE(pool.TrySubmit([&order, i] { order.push_back(i); }));
    }
  }
  ASSERT_EQ(order.size(), 50u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(WorkerPool, FinishesWhatIsQueuedAndTakesNothingMoreOnceItStops) {
  std::atomic<int> ran = 0;
  WorkerPool pool(2, 100);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(pool.TrySubmit([&ran] { ++ran; }));
  pool.Stop();
  EXPECT_EQ(ran, 20);
  EXPECT_FALSE(pool.TrySubmit([&ran] { ++ran; }));
  pool.Stop();
  EXPECT_EQ(ran, 20);
}

TEST(WorkerPool, RefusesWhatItsQueueCannotHold) {
  std::promise<void> entered;
  std::promise<void> release;
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(1, 2);
    EXPECT_TRUE(pool.TrySubmit([&] {
      entered.set_value();
      release.get_future().wait();
      ++ran;
    }));
    entered.get_future().wait();
    EXPECT_TRUE(pool.TrySubmit([&] { ++ran; }));
    EXPECT_TRUE(pool.TrySubmit([&] { ++ran; }));
    EXPECT_FALSE(pool.TrySubmit([&] { ++ran; }));
    EXPECT_EQ(pool.queued(), 2u);
    release.set_value();
  }
  EXPECT_EQ(ran, 3);
}

TEST(WorkerPool, WithoutAQueueTakesOneJobForEachThread) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  WorkerPool pool(2, 0);
  EXPECT_TRUE(pool.TrySubmit([released] { released.wait(); }));
  EXPECT_TRUE(pool.TrySubmit([released] { released.wait(); }));
  EXPECT_FALSE(pool.TrySubmit([released] { released.wait(); }));
  release.set_value();
}

TEST(WorkerPool, AThreadThatIsDoneTakesAnotherJob) {
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(1, 0);
    EXPECT_TRUE(pool.TrySubmit([&ran] { ++ran; }));
    EXPECT_TRUE(testing::Eventually([&] { return pool.TrySubmit([&ran] { ++ran; }); }));
  }
  EXPECT_EQ(ran, 2);
}

TEST(WorkerPool, WorksOnAsManyJobsAtOnceAsItHasThreads) {
  std::atomic<int> inside = 0;
  std::promise<void> all;
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  // Last, so that its threads end before what they use.
  WorkerPool pool(3, 10);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(pool.TrySubmit([&] {
      if (++inside == 3) all.set_value();
      released.wait();
    }));
  }
  EXPECT_EQ(all.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  release.set_value();
}

}  // namespace
}  // namespace scaleout
