#include "gateway/runtime/job_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <thread>
#include <vector>

namespace scaleout::gateway {
namespace {

class NumberedJob final : public Job {
 public:
  explicit NumberedJob(int thread_in = 0, int number_in = 0)
      : thread(thread_in), number(number_in) {}
  void Run() override {}

  int thread;
  int number;
};

std::vector<NumberedJob*> Drain(JobQueue& queue) {
  std::vector<NumberedJob*> jobs;
  for (Job* job = queue.TakeAll(); job != nullptr; job = job->next)
    jobs.push_back(static_cast<NumberedJob*>(job));
  return jobs;
}

TEST(JobQueue, GivesWhatWasPushedInItsOrder) {
  JobQueue queue;
  std::array<NumberedJob, 3> jobs;
  for (NumberedJob& job : jobs) queue.Push(job);
  EXPECT_EQ(Drain(queue), (std::vector<NumberedJob*>{&jobs[0], &jobs[1], &jobs[2]}));
  EXPECT_EQ(queue.TakeAll(), nullptr);
}

TEST(JobQueue, ReturnsTrueToThePushThatFoundItEmpty) {
  JobQueue queue;
  std::array<NumberedJob, 3> jobs;
  EXPECT_TRUE(queue.Push(jobs[0]));
  EXPECT_FALSE(queue.Push(jobs[1]));
  queue.TakeAll();
  EXPECT_TRUE(queue.Push(jobs[2]));
}

TEST(JobQueue, TakesEveryJobOfManyThreadsInTheOrderOfEach) {
  constexpr int kThreads = 4;
  constexpr int kJobs = 5000;
  JobQueue queue;
  std::vector<std::deque<NumberedJob>> jobs(kThreads);
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kJobs; ++i) jobs[static_cast<std::size_t>(t)].emplace_back(t, i);
    threads.emplace_back([&queue, &own = jobs[static_cast<std::size_t>(t)]] {
      for (NumberedJob& job : own) queue.Push(job);
    });
  }
  std::array<int, kThreads> next{};
  for (int taken = 0; taken < kThreads * kJobs;) {
    for (const NumberedJob* job : Drain(queue)) {
      EXPECT_EQ(job->number, next[static_cast<std::size_t>(job->thread)]++);
      ++taken;
    }
  }
  for (std::jthread& thread : threads) thread.join();
  EXPECT_EQ(queue.TakeAll(), nullptr);
}

}  // namespace
}  // namespace scaleout::gateway
