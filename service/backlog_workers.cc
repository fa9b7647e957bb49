#include "service/backlog_workers.h"

#include <system_error>
#include <utility>

namespace scaleout {

absl::Status BacklogWorkers::WorkOff(const Take& take) {
  while (true) {
    AwaitRoom();
    const absl::StatusOr<Job> job = take();
    if (!job.ok()) return job.status();
    if (!*job) break;
    Begin(*job);
  }
  JoinEnded();
  const std::lock_guard lock(mutex_);
  return std::exchange(failure_, absl::OkStatus());
}

void BacklogWorkers::AwaitAll() {
  {
    std::unique_lock lock(mutex_);
    ended_one_.wait(lock, [this] { return working_ == 0; });
  }
  JoinEnded();
}

void BacklogWorkers::AwaitRoom() {
  std::unique_lock lock(mutex_);
  ended_one_.wait(lock, [this] { return working_ < most_; });
}

void BacklogWorkers::Begin(const Job& job) {
  JoinEnded();
  if (most_ == 1) return Note(job());
  {
    const std::lock_guard lock(mutex_);
    ++working_;
  }
  const Place place = threads_.emplace(threads_.end());
  try {
    *place = std::thread([this, place, job] {
      Note(job());
      const std::lock_guard lock(mutex_);
      --working_;
      ended_.push_back(place);
      // Under the lock: what waits for it may be gone as soon as that is free.
      ended_one_.notify_all();
    });
  } catch (const std::system_error&) {
    threads_.erase(place);
    Note(job());
    const std::lock_guard lock(mutex_);
    --working_;
  }
}

void BacklogWorkers::Note(const absl::Status& done) {
  const std::lock_guard lock(mutex_);
  failure_.Update(done);
}

void BacklogWorkers::JoinEnded() {
  std::vector<Place> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (const Place place : ended) {
    place->join();
    threads_.erase(place);
  }
}

}  // namespace scaleout
