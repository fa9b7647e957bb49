// Threads that work a backlog off: each takes one thing, works on it, and takes the next, until
// nothing is left.
//
// As many are at work as there is for them to do. Work on one thing that fails, or takes long, does
// not keep the others from theirs.
#ifndef SCALEOUT_SERVICE_BACKLOG_WORKERS_H_
#define SCALEOUT_SERVICE_BACKLOG_WORKERS_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "service/worker_pool.h"

namespace scaleout {

class BacklogWorkers {
 public:
  // The work on a thing that was taken. Empty: nothing was left to take.
  using Job = std::function<absl::Status()>;
  using Take = std::function<absl::StatusOr<Job>()>;

  // `threads` at once, of which one is the caller's.
  explicit BacklogWorkers(int threads) : helpers_(threads - 1, 0) {}

  // Ends when nothing is left, or nothing can be taken, and what was taken is finished; answers the
  // first failure. `take` and the jobs are called by several threads. By one thread at a time.
  absl::Status WorkOff(const Take& take);

 private:
  class Backlog;

  WorkerPool helpers_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_BACKLOG_WORKERS_H_
