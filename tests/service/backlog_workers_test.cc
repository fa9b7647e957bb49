#include "service/backlog_workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

namespace scaleout {
namespace {

using Job = BacklogWorkers::Job;

const absl::Status kAway = absl::UnavailableError("away");

TEST(BacklogWorkers, TakeOnceWhereNothingIsLeft) {
  BacklogWorkers workers(4);
  int taken = 0;
  EXPECT_TRUE(workers
                  .WorkOff([&taken]() -> absl::StatusOr<Job> {
                    ++taken;
                    return Job();
                  })
                  .ok());
  EXPECT_EQ(taken, 1);
}

TEST(BacklogWorkers, WorkOnEachThingOnce) {
  for (const int threads : {1, 4}) {
    BacklogWorkers workers(threads);
    for (const int things : {1, 2, 100}) {
      std::atomic<int> left = things;
      std::atomic<int> done = 0;
      EXPECT_TRUE(workers
                      .WorkOff([&]() -> absl::StatusOr<Job> {
                        if (--left < 0) return Job();
                        return Job([&done] {
                          ++done;
                          return absl::OkStatus();
                        });
                      })
                      .ok());
      EXPECT_EQ(done, things) << threads;
    }
  }
}

// Without any other thread the first of the three jobs would wait for the others for ever.
TEST(BacklogWorkers, WorkOnAsManyThingsAtOnceAsThereAreThreads) {
  BacklogWorkers workers(3);
  std::atomic<int> left = 3;
  std::atomic<int> inside = 0;
  std::promise<void> all;
  const std::shared_future<void> all_inside = all.get_future().share();
  EXPECT_TRUE(workers
                  .WorkOff([&]() -> absl::StatusOr<Job> {
                    if (--left < 0) return Job();
                    return Job([&]() -> absl::Status {
                      if (++inside == 3) all.set_value();
                      if (all_inside.wait_for(std::chrono::seconds(20)) ==
                          std::future_status::ready) {
                        return absl::OkStatus();
                      }
                      return absl::DeadlineExceededError("the jobs are not made at once");
                    });
                  })
                  .ok());
}

TEST(BacklogWorkers, GoOnAfterWorkThatFailedAndAnswerThat) {
  for (const int threads : {1, 4}) {
    BacklogWorkers workers(threads);
    std::atomic<int> left = 20;
    std::atomic<int> done = 0;
    EXPECT_EQ(workers.WorkOff([&]() -> absl::StatusOr<Job> {
      const int number = --left;
      if (number < 0) return Job();
      return Job([&done, number] {
        ++done;
        return number == 10 ? kAway : absl::OkStatus();
      });
    }),
              kAway);
    EXPECT_EQ(done, 20);
  }
}

TEST(BacklogWorkers, TakeNothingMoreWhereNothingCanBeTaken) {
  BacklogWorkers workers(4);
  std::atomic<int> asked = 0;
  EXPECT_EQ(workers.WorkOff([&asked]() -> absl::StatusOr<Job> {
    if (++asked > 20) return kAway;
    return Job([] { return absl::OkStatus(); });
  }),
            kAway);
  // Each thread may have asked at the same time.
  EXPECT_LE(asked, 24);
}

TEST(BacklogWorkers, OfAShortBacklogDoNotAskWithAllThreads) {
  BacklogWorkers workers(8);
  std::atomic<int> left = 2;
  std::atomic<int> asked = 0;
  EXPECT_TRUE(workers
                  .WorkOff([&]() -> absl::StatusOr<Job> {
                    ++asked;
                    if (--left < 0) return Job();
                    return Job([] { return absl::OkStatus(); });
                  })
                  .ok());
  EXPECT_LE(asked, 5);
}

}  // namespace
}  // namespace scaleout
