// One event loop: a thread, a Pistache reactor, and the work that reaches it.
//
// A turn: the tick (lag monitor, tick listeners, due timers), then every descriptor that is ready,
// then what was posted, then what was deferred, then what holds the loop. A 10 ms timer in the
// loop's own poll set drives the tick, a second one the timers that cannot wait for it (AfterFine).
// Jobs from other threads (gRPC's) arrive through a lock-free list and one eventfd write for each
// batch.
//
// Client connections are peers: Pistache's transport has their descriptors, edge triggered, and
// closes them; reading and writing is the watcher's, because the transport's own read loop has no
// bound (docs/adr/2026-11-21-loops-first.md). What is about peers belongs to the loop's thread.
#ifndef SCALEOUT_GATEWAY_RUNTIME_EVENT_LOOP_H_
#define SCALEOUT_GATEWAY_RUNTIME_EVENT_LOOP_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/loop_lag_monitor.h"

namespace scaleout::gateway {

class EventLoop : public Executor {
 public:
  // Starts the thread. Jobs that were posted before run in its first turn.
  virtual void Start() = 0;
  // Ends the thread after its current turn and runs what is posted by then. Later calls, and one
  // without Start, do nothing.
  virtual void Stop() = 0;

  // Calls `listener` at each tick, with how late the tick was. Before Start.
  virtual void OnEachTick(std::function<void(Duration lag)> listener) = 0;
  virtual LoopLagMonitor& monitor() = 0;

  // Takes over `fd`, a connected non-blocking socket. `watcher` is called when bytes arrive after a
  // read had found none left, and when the other side ends the connection. False, and `fd` is
  // closed, if the kernel refuses.
  virtual bool AddPeer(int fd, FdWatcher& watcher) = 0;
  // Reports the peer as writable, too, once a write that found no room can go on.
  virtual void WatchWritable(int fd) = 0;
  // Closes `fd`. Its number can be another peer's at once, so not while descriptors that were
  // ready in this turn are still to be handled: from a deferred job.
  virtual void ClosePeer(int fd) = 0;

  // How many descriptors of watchers were ready in this turn.
  virtual std::size_t ready_in_turn() const = 0;
};

// All references outlive the loop. `index` names its thread ("loop-0") and its series.
std::unique_ptr<EventLoop> MakeEventLoop(std::size_t index, const Clock& clock, Logger& logger,
                                         Metrics& metrics);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_EVENT_LOOP_H_
