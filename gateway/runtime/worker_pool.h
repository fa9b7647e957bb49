// A few threads for work that would hold up an event loop, behind a queue that has an end.
//
// A full queue refuses at once (UNAVAILABLE, reason OVERLOADED): a longer queue does not make the
// machine faster. Work is asked to stop through its token when its client is gone or the pool
// stops; it may ignore that. Run is called on the context's loop; Stop from any thread, while the
// loops still run, because everybody who waits is resumed there.
#ifndef SCALEOUT_GATEWAY_RUNTIME_WORKER_POOL_H_
#define SCALEOUT_GATEWAY_RUNTIME_WORKER_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class WorkerPool {
 public:
  using Work = std::function<void(std::stop_token)>;

  // `queue_limit` counts the work that waits for a thread, not the work that has one.
  WorkerPool(std::size_t threads, std::size_t queue_limit);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();

  // Runs `work` on one of the threads and resumes on context.loop. OK once it has returned;
  // CANCELLED if the client was gone before it began, UNAVAILABLE if the queue is full (OVERLOADED)
  // or the pool has stopped (DRAINING): then it was not run.
  Task<absl::Status> Run(RequestContext& context, Work work);

  // Refuses new work, answers what waits with UNAVAILABLE, asks what runs to stop and waits for it.
  void Stop();

 private:
  class Item;

  absl::Status Enqueue(Item& item);
  void WorkUntilStopped();

  const std::size_t queue_limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::deque<Item*> waiting_;
  std::vector<Item*> running_;
  std::vector<std::thread> threads_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_WORKER_POOL_H_
