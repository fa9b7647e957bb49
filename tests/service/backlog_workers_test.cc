#include "service/backlog_workers.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace scaleout {
namespace {

using Job = BacklogWorkers::Job;

const absl::Status kAway = absl::UnavailableError("away");

// So many jobs, one after the other; then nothing.
BacklogWorkers::Take Some(int jobs, const Job& job) {
  return [job, left = jobs]() mutable -> absl::StatusOr<Job> { return --left < 0 ? Job() : job; };
}

TEST(BacklogWorkers, TakeOnceWhereNothingIsLeft) {
  BacklogWorkers workers(4);
  int asked = 0;
  const auto nothing = [&asked]() -> absl::StatusOr<Job> {
    ++asked;
    return Job();
  };
  EXPECT_TRUE(workers.WorkOff(nothing).ok());
  EXPECT_EQ(asked, 1);
}

TEST(BacklogWorkers, WorkOnEachThingOnce) {
  for (const int most : {1, 4}) {
    BacklogWorkers workers(most);
    for (const int things : {1, 2, 100}) {
      std::atomic<int> done = 0;
      const Job job = [&done] {
        ++done;
        return absl::OkStatus();
      };
      EXPECT_TRUE(workers.WorkOff(Some(things, job)).ok());
      workers.AwaitAll();
      EXPECT_EQ(done, things) << most;
    }
  }
}

TEST(BacklogWorkers, OfOneTheCallerIsTheOne) {
  BacklogWorkers workers(1);
  const std::thread::id caller = std::this_thread::get_id();
  const Job job = [caller] {
    return std::this_thread::get_id() == caller ? absl::OkStatus() : kAway;
  };
  EXPECT_TRUE(workers.WorkOff(Some(2, job)).ok());
}

TEST(BacklogWorkers, WorkOnAsManyThingsAtOnceAsTheyMay) {
  BacklogWorkers workers(3);
  std::atomic<int> inside = 0;
  std::atomic<int> done = 0;
  std::promise<void> three;
  std::promise<void> four;
  const std::shared_future<void> three_inside = three.get_future().share();
  const std::shared_future<void> four_inside = four.get_future().share();
  const Job job = [&]() -> absl::Status {
    const int now = ++inside;
    if (now == 3 && done == 0) three.set_value();
    if (now == 4 && done == 0) four.set_value();
    const auto waited = three_inside.wait_for(std::chrono::seconds(20));
    // A fourth would come meanwhile.
    four_inside.wait_for(std::chrono::milliseconds(50));
    ++done;
    --inside;
    return waited == std::future_status::ready ? absl::OkStatus() : kAway;
  };
  EXPECT_TRUE(workers.WorkOff(Some(6, job)).ok());
  workers.AwaitAll();
  EXPECT_EQ(done, 6);
  EXPECT_EQ(four_inside.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
}

TEST(BacklogWorkers, OneThatTakesLongDoesNotKeepWhatComesLaterFromItsWork) {
  BacklogWorkers workers(2);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  EXPECT_TRUE(workers
                  .WorkOff(Some(1,
                                [released] {
                                  released.wait();
                                  return absl::OkStatus();
                                }))
                  .ok());
  std::promise<void> later;
  EXPECT_TRUE(workers
                  .WorkOff(Some(1,
                                [&later] {
                                  later.set_value();
                                  return absl::OkStatus();
                                }))
                  .ok());
  EXPECT_EQ(later.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  release.set_value();
}

TEST(BacklogWorkers, GoOnAfterWorkThatFailedAndAnswerThatOnce) {
  for (const int most : {1, 4}) {
    BacklogWorkers workers(most);
    std::atomic<int> done = 0;
    const absl::Status first =
        workers.WorkOff(Some(20, [&done] { return ++done == 10 ? kAway : absl::OkStatus(); }));
    workers.AwaitAll();
    EXPECT_EQ(done, 20);
    // Of several threads the failure may have ended after the call.
    const absl::Status second = workers.WorkOff(Some(0, Job()));
    EXPECT_EQ(first.ok() ? second : first, kAway);
    EXPECT_TRUE(first.ok() || second.ok());
    EXPECT_TRUE(workers.WorkOff(Some(0, Job())).ok());
  }
}

TEST(BacklogWorkers, TakeNothingMoreWhereNothingCanBeTaken) {
  BacklogWorkers workers(4);
  int asked = 0;
  const auto take = [&asked]() -> absl::StatusOr<Job> {
    if (++asked > 20) return kAway;
    return Job([] { return absl::OkStatus(); });
  };
  EXPECT_EQ(workers.WorkOff(take), kAway);
  EXPECT_EQ(asked, 21);
}

TEST(BacklogWorkers, EndWithWhatTheyWorkOn) {
  std::atomic<int> done = 0;
  std::promise<void> release;
  std::thread releasing;
  {
    BacklogWorkers workers(4);
    const std::shared_future<void> released = release.get_future().share();
    EXPECT_TRUE(workers
                    .WorkOff(Some(3,
                                  [&done, released] {
                                    released.wait();
                                    ++done;
                                    return absl::OkStatus();
                                  }))
                    .ok());
    EXPECT_EQ(done, 0);
    releasing = std::thread([&release] { release.set_value(); });
  }
  EXPECT_EQ(done, 3);
  releasing.join();
}

// As in a container whose number of processes is limited. In a child, because it stays.
TEST(BacklogWorkersDeathTest, WorkWithoutAThreadWhereTheSystemHasNone) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto without_threads = [] {
    const rlimit none{0, 0};
    // Root is not bound by it.
    if (::setgid(54321) != 0 || ::setuid(54321) != 0) ::_exit(0);
    if (::setrlimit(RLIMIT_NPROC, &none) != 0) ::_exit(0);
    int done = 0;
    BacklogWorkers workers(4);
    const absl::Status status = workers.WorkOff(Some(5, [&done] {
      ++done;
      return absl::OkStatus();
    }));
    ::_exit(status.ok() && done == 5 ? 0 : 1);
  };
  EXPECT_EXIT(without_threads(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace scaleout
