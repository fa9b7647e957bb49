// An Executor that the test turns by hand: posted jobs and due timers run when it says so, on its
// own thread. Post is thread-safe, as everywhere.
#ifndef SCALEOUT_TESTS_SUPPORT_MANUAL_EXECUTOR_H_
#define SCALEOUT_TESTS_SUPPORT_MANUAL_EXECUTOR_H_

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "gateway/runtime/executor.h"

namespace scaleout::testing {

class ManualExecutor final : public gateway::Executor {
 public:
  explicit ManualExecutor(const Clock& clock, std::size_t index = 0)
      : clock_(clock), index_(index), owner_(std::this_thread::get_id()) {}

  void Post(gateway::Job& job) override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(&job);
    // With the lock held: the job's end may be what the executor's owner has waited for.
    wake_.notify_one();
  }
  void Arm(gateway::TimerJob& timer, MonotonicTime when) override {
    timer.when = when;
    timer.sequence = ++sequence_;
    timers_.push_back(&timer);
  }
  void Disarm(gateway::TimerJob& timer) override {
    timer.sequence = 0;
    std::erase(timers_, &timer);
  }
  bool OnLoop() const override { return std::this_thread::get_id() == owner_; }
  std::size_t index() const override { return index_; }

  // Runs what is posted and due until there is nothing; returns how many jobs that were.
  int Run() {
    int ran = 0;
    while (gateway::Job* job = Take()) {
      job->Run();
      ++ran;
    }
    return ran;
  }

  // Runs jobs, waiting for other threads to post them, until `done`; false if `limit` passes first.
  bool RunUntil(const std::function<bool()>& done,
                std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
      Run();
      if (done()) return true;
      std::unique_lock lock(mutex_);
      if (!wake_.wait_until(lock, end, [this] { return !posted_.empty(); })) return false;
    }
  }

  std::size_t timers() const { return timers_.size(); }
  // Jobs that have not run yet.
  std::size_t posted() {
    const std::lock_guard lock(mutex_);
    return posted_.size();
  }

 private:
  gateway::Job* Take() {
    {
      const std::lock_guard lock(mutex_);
      if (!posted_.empty()) {
        gateway::Job* job = posted_.front();
        posted_.pop_front();
        return job;
      }
    }
    const auto due = std::find_if(timers_.begin(), timers_.end(), [this](const auto* timer) {
      return timer->when <= clock_.Now();
    });
    if (due == timers_.end()) return nullptr;
    gateway::TimerJob* timer = *due;
    Disarm(*timer);
    return timer;
  }

  const Clock& clock_;
  const std::size_t index_;
  const std::thread::id owner_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<gateway::Job*> posted_;
  std::vector<gateway::TimerJob*> timers_;
  std::uint64_t sequence_ = 0;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_MANUAL_EXECUTOR_H_
