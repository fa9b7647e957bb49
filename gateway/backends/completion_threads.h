// Where gRPC reports that calls have ended: one queue, and the threads that wait on it and do
// nothing but call PendingRpc::OnDone (rpc_call.h).
//
// A thread that waits on a queue of gRPC also does the reading for every channel of the process,
// and hands that over to another waiting thread whenever it leaves with an end: two threads on two
// cores take turns at each call, at four futex calls and as many switches of threads. Hence one
// queue for all channels, and one thread for every two loops rather than gRPC's callback API, which
// always has at least two (docs/adr/2026-11-21-completion-threads.md).
//
// Thread-safe. Made after the last fork, outlives the calls that use its queue.
#ifndef SCALEOUT_GATEWAY_BACKENDS_COMPLETION_THREADS_H_
#define SCALEOUT_GATEWAY_BACKENDS_COMPLETION_THREADS_H_

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace grpc {
class CompletionQueue;
}

namespace scaleout::gateway {

class CompletionThreads {
 public:
  explicit CompletionThreads(std::size_t threads);
  CompletionThreads(const CompletionThreads&) = delete;
  CompletionThreads& operator=(const CompletionThreads&) = delete;
  // Blocks until gRPC has ended every call of the queue.
  ~CompletionThreads();

  // The tag of what is begun on it is a PendingRpc*.
  grpc::CompletionQueue& queue() { return *queue_; }

  // How many of them the loops of a gateway keep busy.
  static std::size_t ThreadsFor(std::size_t loops) { return (loops + 1) / 2; }

 private:
  void Run();

  const std::unique_ptr<grpc::CompletionQueue> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_COMPLETION_THREADS_H_
