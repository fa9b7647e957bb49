// Threads that work a backlog off: each thing that is taken is worked on by a thread of its own, up
// to a number at once.
//
// There are threads only while there is work. Work on one thing that fails, or takes long, does not
// keep the others from theirs, nor what comes later.
#ifndef SCALEOUT_SERVICE_BACKLOG_WORKERS_H_
#define SCALEOUT_SERVICE_BACKLOG_WORKERS_H_

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace scaleout {

class BacklogWorkers {
 public:
  // The work on a thing that was taken. Empty: nothing was left to take.
  using Job = std::function<absl::Status()>;
  using Take = std::function<absl::StatusOr<Job>()>;

  // `most` at once; with 1 the caller does the work. Where the system has no thread to give, the
  // caller works too.
  explicit BacklogWorkers(int most) : most_(most) {}
  BacklogWorkers(const BacklogWorkers&) = delete;
  BacklogWorkers& operator=(const BacklogWorkers&) = delete;
  ~BacklogWorkers() { AwaitAll(); }

  // Until nothing is left, or nothing can be taken. What was taken may be at work still. Answers
  // why nothing could be taken, else the first failure of work that has ended since the last call.
  // By one thread at a time, which is the one that calls `take`.
  absl::Status WorkOff(const Take& take);

  // Until nothing is at work. By the thread that calls WorkOff, or when that does not any more.
  void AwaitAll();

 private:
  using Place = std::list<std::thread>::iterator;

  void AwaitRoom();
  void Begin(const Job& job);
  void Note(const absl::Status& done);
  void JoinEnded();

  const int most_;
  std::list<std::thread> threads_;  // of the caller of WorkOff
  std::mutex mutex_;                // over what follows
  std::condition_variable ended_one_;
  int working_ = 0;
  std::vector<Place> ended_;  // about to return
  absl::Status failure_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_BACKLOG_WORKERS_H_
