// Jobs on their way to a loop: any thread pushes, one thread takes all there is, in the order of
// the pushes.
//
// A lock-free list that is built newest first (Treiber's stack, never popped one by one, so there
// is no ABA) and turned around when taken. Nothing is allocated: the jobs themselves are the links.
#ifndef SCALEOUT_GATEWAY_RUNTIME_JOB_QUEUE_H_
#define SCALEOUT_GATEWAY_RUNTIME_JOB_QUEUE_H_

#include <atomic>
#include <utility>

#include "gateway/runtime/executor.h"

namespace scaleout::gateway {

class JobQueue {
 public:
  // True if the queue was empty: the caller must wake the loop then. After the push the job may
  // already have run.
  bool Push(Job& job) {
    Job* head = newest_.load(std::memory_order_relaxed);
    do {
      job.next = head;
    } while (!newest_.compare_exchange_weak(head, &job, std::memory_order_release,
                                            std::memory_order_relaxed));
    return head == nullptr;
  }

  // The oldest job of a chain, linked by `next`, that is the caller's now; null if there is none.
  Job* TakeAll() {
    Job* newest = newest_.exchange(nullptr, std::memory_order_acquire);
    Job* oldest = nullptr;
    while (newest != nullptr) {
      Job* following = std::exchange(newest->next, oldest);
      oldest = std::exchange(newest, following);
    }
    return oldest;
  }

 private:
  std::atomic<Job*> newest_{nullptr};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_JOB_QUEUE_H_
