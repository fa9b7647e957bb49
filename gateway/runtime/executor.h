// Where a coroutine goes on: an event loop, as the rooms see it that know no sockets.
//
// A Job is intrusive (it is a member of an awaitable, which lives in a coroutine's frame), so
// posting allocates nothing; whoever posts it keeps it alive until it has run. Post is thread-safe
// and lock-free; everything else, and every Run(), happens on the loop's own thread.
#ifndef SCALEOUT_GATEWAY_RUNTIME_EXECUTOR_H_
#define SCALEOUT_GATEWAY_RUNTIME_EXECUTOR_H_

#include <cstddef>
#include <cstdint>

#include "common/clock.h"

namespace scaleout::gateway {

class Job {
 public:
  virtual void Run() = 0;

  // The route that the job works for, as an index into the route table; -1 for none. A stalled loop
  // is blamed on it.
  int route = -1;

  // The executor's link; nobody else touches it.
  Job* next = nullptr;

 protected:
  ~Job() = default;
};

// A job with a time. Armed at most once at a time.
class TimerJob : public Job {
 public:
  bool armed() const { return sequence != 0; }

  // The executor's place in its queue; nobody else touches these.
  MonotonicTime when;
  std::uint64_t sequence = 0;

 protected:
  ~TimerJob() = default;
};

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `job` on the loop's thread, after what was posted before it. From any thread.
  virtual void Post(Job& job) = 0;

  // Runs `timer` once `when` has passed, to the loop's tick (10 ms) and never early. Loop thread
  // only.
  virtual void Arm(TimerJob& timer, MonotonicTime when) = 0;
  // Forgets `timer` if it is armed. Loop thread only.
  virtual void Disarm(TimerJob& timer) = 0;

  // Whether the caller is on the loop's thread.
  virtual bool OnLoop() const = 0;
  // 0 to the number of loops, exclusive: an index for what is kept per loop.
  virtual std::size_t index() const = 0;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_EXECUTOR_H_
