// A few threads for CPU-bound work of requests, which would hold up an event loop, behind a bounded
// queue.
//
// A full queue refuses at once (UNAVAILABLE, reason OVERLOADED): a longer queue does not make the
// machine faster. When a request's deadline passes or its client leaves, work that still waits is
// taken out of the queue and the request resumes at once; work that runs is asked to stop through
// its token, and the request resumes when it has returned. Work therefore has to look at its token
// every few milliseconds; the pool cannot end it. Threads are those of the pool, from construction
// to Stop; Run is called on the context's loop and resumes there.
#ifndef SCALEOUT_GATEWAY_RUNTIME_OFFLOAD_POOL_H_
#define SCALEOUT_GATEWAY_RUNTIME_OFFLOAD_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class OffloadPool {
 public:
  using Work = std::function<void(std::stop_token)>;

  // `queue_limit` counts the work that finds every thread taken; with 0 it is refused.
  OffloadPool(std::size_t threads, std::size_t queue_limit);
  OffloadPool(const OffloadPool&) = delete;
  OffloadPool& operator=(const OffloadPool&) = delete;
  ~OffloadPool();

  // Runs `work` on one of the threads. OK if it returned before the request's deadline.
  // DEADLINE_EXCEEDED or CANCELLED (the client has left): the work was asked to stop, or was not
  // begun. UNAVAILABLE if the queue is full (OVERLOADED) or the pool has stopped (DRAINING): it was
  // not begun.
  Task<absl::Status> Run(RequestContext& context, Work work);

  // Refuses new work, answers what waits with UNAVAILABLE, asks what runs to stop and waits for it.
  // From any thread, while the loops still run: those who wait resume there.
  void Stop();

 private:
  class Item;

  absl::Status Enqueue(Item& item);
  // False if a thread has taken it, or it has left the queue before.
  bool Withdraw(Item& item);
  void WorkUntilStopped();

  const std::size_t queue_limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::list<Item*> waiting_;
  std::list<Item*> running_;
  std::vector<std::thread> threads_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_OFFLOAD_POOL_H_
