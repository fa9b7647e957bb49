// An Executor that the test turns by hand: posted jobs, due timers and deferred jobs run when it
// says so, on its own thread, in the order of an event loop's turn. A watched descriptor is ready
// when the test says so. Post is thread-safe, as everywhere.
#ifndef SCALEOUT_TESTS_SUPPORT_MANUAL_EXECUTOR_H_
#define SCALEOUT_TESTS_SUPPORT_MANUAL_EXECUTOR_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/timer_queue.h"

namespace scaleout::testing {

class ManualExecutor final : public gateway::Executor {
 public:
  explicit ManualExecutor(const Clock& clock, std::size_t index = 0)
      : clock_(clock), index_(index) {}

  void Post(gateway::Job& job) override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(&job);
    // With the lock held: the job's end may be what the executor's owner has waited for.
    wake_.notify_one();
  }
  void Defer(gateway::Job& job) override { deferred_.push_back(&job); }
  void Hold(gateway::Job& job) override { holds_.push_back(&job); }
  void AddHoldListener(gateway::HoldListener& listener) override {
    hold_listeners_.push_back(&listener);
  }
  void RemoveHoldListener(gateway::HoldListener& listener) override {
    std::erase(hold_listeners_, &listener);
  }
  void After(Duration delay, gateway::TimerJob& timer) override {
    timers_.Arm(timer, clock_.Now() + delay);
  }
  void AfterFine(Duration delay, gateway::TimerJob& timer) override { After(delay, timer); }
  void Cancel(gateway::TimerJob& timer) override { timers_.Disarm(timer); }
  bool Watch(int fd, gateway::FdEvents interest, gateway::FdWatcher& watcher) override {
    watched_[fd] = {interest, &watcher};
    return true;
  }
  void Unwatch(int fd) override { watched_.erase(fd); }
  void EnterRoute(const gateway::RouteDescription& route) override { route_ = &route; }
  void LeaveRoute() override { route_ = nullptr; }
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

  // Runs the timers that are due now, before what is posted: the beginning of a turn.
  void RunDueTimers() {
    const MonotonicTime now = clock_.Now();
    while (gateway::TimerJob* const timer = timers_.TakeDue(now)) timer->Run();
  }

  // Runs jobs, waiting for other threads to post them and for timers on a clock that moves by
  // itself, until `done`; false if `limit` passes first.
  bool RunUntil(const std::function<bool()>& done,
                std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
      Run();
      if (done()) return true;
      const auto now = std::chrono::steady_clock::now();
      if (now >= end) return false;
      const auto next_look = timers_.size() == 0 ? end : now + std::chrono::milliseconds(1);
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, next_look, [this] { return !posted_.empty(); });
    }
  }

  // Reports a watched descriptor as ready for what it is watched for.
  void FireReady(int fd) {
    const auto [interest, watcher] = watched_.at(fd);
    watcher->OnReady(interest);
  }

  std::size_t timers() const { return timers_.size(); }
  std::size_t watched() const { return watched_.size(); }
  // The route that the loop is said to work for; null for none.
  const gateway::RouteDescription* route() const { return route_; }
  // Jobs that have not run yet.
  std::size_t posted() {
    const std::lock_guard lock(mutex_);
    return posted_.size();
  }

 private:
  static gateway::Job* TakeFirst(std::deque<gateway::Job*>& jobs) {
    gateway::Job* const job = jobs.front();
    jobs.pop_front();
    return job;
  }

  gateway::Job* Take() {
    {
      const std::lock_guard lock(mutex_);
      if (!posted_.empty()) {
        return TakeFirst(posted_);
      }
    }
    if (gateway::TimerJob* timer = timers_.TakeDue(clock_.Now())) return timer;
    if (deferred_.empty() && !holds_.empty() && !std::exchange(hold_announced_, true)) {
      for (gateway::HoldListener* const listener : hold_listeners_) listener->OnHold();
    }
    if (!deferred_.empty()) return TakeFirst(deferred_);
    if (holds_.empty()) return nullptr;
    hold_announced_ = false;
    return TakeFirst(holds_);
  }

  const Clock& clock_;
  const std::size_t index_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<gateway::Job*> posted_;
  std::deque<gateway::Job*> deferred_;
  std::deque<gateway::Job*> holds_;
  bool hold_announced_ = false;  // the first of them, to the listeners
  std::vector<gateway::HoldListener*> hold_listeners_;
  gateway::TimerQueue timers_;
  std::map<int, std::pair<gateway::FdEvents, gateway::FdWatcher*>> watched_;
  const gateway::RouteDescription* route_ = nullptr;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_MANUAL_EXECUTOR_H_
