// A fixed number of threads and a bounded queue in front of them, for work that blocks.
//
// What does not fit is refused at once, which is what lets a caller answer "overloaded" in
// microseconds instead of queueing without end. Jobs start in the order they came. Thread-safe. A
// job must not throw.
#ifndef SCALEOUT_SERVICE_WORKER_POOL_H_
#define SCALEOUT_SERVICE_WORKER_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace scaleout {

class WorkerPool {
 public:
  WorkerPool(int threads, std::size_t max_queued);
  // As Stop().
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False if every thread has a job and the queue is full; the job is not run then.
  bool TrySubmit(std::function<void()> job);
  // Finishes what is queued, takes nothing more, and waits for the threads to end. From one thread;
  // again is harmless.
  void Stop();
  // Jobs that no thread has taken yet.
  std::size_t queued() const;

 private:
  void Work();

  const std::size_t max_jobs_;  // at work and queued
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::size_t busy_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_WORKER_POOL_H_
