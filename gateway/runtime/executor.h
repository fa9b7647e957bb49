// An event loop as its users see it: where work goes on, and what can wake it up.
//
// Post brings work from any thread to the loop. Defer runs work at the end of the loop's current
// turn, so that what a turn has gathered (bytes to write, connections to accept) is handled once.
// After runs work when a time has passed. Hold runs work that keeps the loop for long. Watch
// reports a descriptor of the caller's that is ready.
//
// Nothing here allocates for a job: jobs, timers and watchers are members of what uses them
// (usually an awaitable in a coroutine's frame), and the user keeps them alive until they have run,
// were cancelled or unwatched. A job is in at most one list at a time: it is posted or deferred
// again only after it has run. Post is thread-safe and lock-free; everything else, and every
// callback, happens on the loop's own thread. (Idea: libuv's async, check, timer and poll handles.)
#ifndef SCALEOUT_GATEWAY_RUNTIME_EXECUTOR_H_
#define SCALEOUT_GATEWAY_RUNTIME_EXECUTOR_H_

#include <cstddef>
#include <cstdint>
#include <limits>

#include "common/clock.h"
#include "gateway/runtime/route_description.h"

namespace scaleout::gateway {

// A piece of work on its way to the loop. Run may destroy the job: the executor does not touch it
// afterwards.
class Job {
 public:
  virtual void Run() = 0;

  // The route that the job works for; null for none. A stall of the loop is attributed to it.
  const RouteDescription* route = nullptr;

  // The link of the list that the job is in; only the executor touches it.
  Job* next = nullptr;

 protected:
  ~Job() = default;
};

// A job with a time; TimerQueue has its order.
class TimerJob : public Job {
 public:
  bool armed() const { return position_ != kNotArmed; }

 protected:
  ~TimerJob() = default;

 private:
  friend class TimerQueue;
  static constexpr std::size_t kNotArmed = std::numeric_limits<std::size_t>::max();

  MonotonicTime when_;
  std::uint64_t sequence_ = 0;
  std::size_t position_ = kNotArmed;
};

// What a descriptor is watched for, or is ready for. A hang-up or an error counts as readable: the
// next read says which. `ended` is never asked for: the other side has ended its part of the
// connection, or all of it is broken, and a read behind the last byte says so.
struct FdEvents {
  bool readable = false;
  bool writable = false;
  bool ended = false;
};

// Reacts to a descriptor. It may unwatch its own or another descriptor from within OnReady.
class FdWatcher {
 public:
  // May come without need, for instance right after the descriptor's number was used again.
  virtual void OnReady(FdEvents ready) = 0;

 protected:
  ~FdWatcher() = default;
};

// Called on the loop's thread before a job of Hold, more than once: for what waits to be sent with
// more of its kind, and would wait for all of that job.
class HoldListener {
 public:
  virtual void OnHold() = 0;

 protected:
  ~HoldListener() = default;
};

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `job` on the loop's thread, after what was posted before it. From any thread.
  virtual void Post(Job& job) = 0;

  // Runs `job` at the end of this turn, after all that was ready and posted. What a deferred job
  // defers runs at the end of the next turn, which then comes at once.
  virtual void Defer(Job& job) = 0;

  // Runs `job`, which keeps the loop for long, as the last of a turn: after what is deferred, the
  // hold listeners, and what these defer. So what the turn has gathered is handled, and what waits
  // for company is sent, before it. One such job a turn, in the order in which they came.
  virtual void Hold(Job& job) = 0;
  // Before the loop starts, after it has ended, or on its thread, but not from OnHold.
  virtual void AddHoldListener(HoldListener& listener) = 0;
  virtual void RemoveHoldListener(HoldListener& listener) = 0;

  // Runs `timer` once `delay` has passed, to the loop's tick (10 ms) and never early. Arms it anew
  // if it is armed.
  virtual void After(Duration delay, TimerJob& timer) = 0;
  // The same, to about 0.1 ms instead of the tick. It can cost two system calls and a turn of the
  // loop, so it is for waits that are much shorter than the tick.
  virtual void AfterFine(Duration delay, TimerJob& timer) = 0;
  // Disarms `timer`; nothing if it is not armed.
  virtual void Cancel(TimerJob& timer) = 0;

  // Calls `watcher` in every turn in which `fd` is ready for what `interest` names (level
  // triggered). Watching it again changes the interest and the watcher. Unwatch before `fd` is
  // closed; it is nothing for one that is not watched. False if the kernel refuses: nothing has
  // changed then.
  virtual bool Watch(int fd, FdEvents interest, FdWatcher& watcher) = 0;
  virtual void Unwatch(int fd) = 0;

  // Brackets around a piece of work that no Job announces, such as the first turn of a request. A
  // stall in between is attributed to `route`; entering another one ends the one before, and
  // leaving twice is harmless.
  virtual void EnterRoute(const RouteDescription& route) = 0;
  virtual void LeaveRoute() = 0;

  // 0 to the number of loops, exclusive: an index for what exists once for each loop.
  virtual std::size_t index() const = 0;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_EXECUTOR_H_
