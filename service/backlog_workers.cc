#include "service/backlog_workers.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace scaleout {

class BacklogWorkers::Backlog {
 public:
  Backlog(const Take& take, WorkerPool& helpers) : take_(take), helpers_(helpers) {}

  // One thing after another.
  void Work() {
    while (const Job job = TakeOne()) {
      AskForHelp();
      const absl::Status done = job();
      const std::lock_guard lock(mutex_);
      failure_.Update(done);
    }
  }

  absl::Status AwaitHelpers() {
    std::unique_lock lock(mutex_);
    helped_.wait(lock, [this] { return helping_ == 0; });
    return failure_;
  }

 private:
  // Empty if there is nothing more.
  Job TakeOne() {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return Job();
    }
    absl::StatusOr<Job> job = take_();
    if (job.ok() && *job) return *std::move(job);
    const std::lock_guard lock(mutex_);
    ended_ = true;
    failure_.Update(job.status());
    return Job();
  }

  void AskForHelp() {
    {
      const std::lock_guard lock(mutex_);
      ++helping_;
    }
    const bool helped = helpers_.TrySubmit([this] {
      Work();
      Helped();
    });
    if (!helped) Helped();
  }

  void Helped() {
    const std::lock_guard lock(mutex_);
    // Under the lock: the backlog may be gone as soon as that is free.
    if (--helping_ == 0) helped_.notify_all();
  }

  const Take& take_;
  WorkerPool& helpers_;
  std::mutex mutex_;  // over what follows
  std::condition_variable helped_;
  int helping_ = 0;
  bool ended_ = false;
  absl::Status failure_;
};

absl::Status BacklogWorkers::WorkOff(const Take& take) {
  Backlog backlog(take, helpers_);
  backlog.Work();
  return backlog.AwaitHelpers();
}

}  // namespace scaleout
