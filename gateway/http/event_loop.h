// One event loop: a thread with a Pistache reactor that accepts, reads, runs handlers, and writes.
//
// Loops share the listening sockets. An idle one accepts one connection a turn, so a loop that is
// blocked takes no new ones and the others do; one at work accepts as many as it had other things
// to do, or its queue in the kernel would grow with the length of its turns. A 10 ms timer in the
// loop's own poll set drives the lag monitor, the timers and the timeouts. Jobs from other threads
// (gRPC's) arrive through a lock-free list and one eventfd write for each batch. Nothing of
// Pistache's HTTP layer is used; docs/adr/2026-11-20-pistache-transport.md says why.
//
// The functions of EventLoop are thread-safe; see Executor for the rest.
#ifndef SCALEOUT_GATEWAY_HTTP_EVENT_LOOP_H_
#define SCALEOUT_GATEWAY_HTTP_EVENT_LOOP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "common/clock.h"
#include "common/log.h"
#include "gateway/http/exchange.h"
#include "gateway/http/http_connection.h"
#include "gateway/http/listen_socket.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/loop_lag_monitor.h"

namespace scaleout::gateway {

struct EventLoopOptions {
  std::size_t index = 0;
  // Shared by the loops; the last one that stops accepting closes them.
  std::shared_ptr<const ListenSockets> listen_sockets;
  std::string instance_id;
  ConnectionLimits limits;
  std::size_t max_connections = 10'000;  // a loop that has as many stops accepting until one ends
};

class EventLoop : public Executor {
 public:
  // Starts the thread.
  virtual void Start() = 0;
  // Takes what waits in the kernel's queue, and then no more. Once every loop of every process that
  // shares the sockets has done so they are closed, and whoever connects is refused.
  virtual void StopAccepting() = 0;
  // Every connection ends with its next answer; idle ones stay open until CloseIdle.
  virtual void BeginDrain() = 0;
  virtual void CloseIdle() = 0;
  // Ends the thread after its current turn; open connections are dropped, posted jobs are run.
  virtual void Stop() = 0;

  virtual std::int64_t connections() const = 0;
};

// All references outlive the loop. `handler` is this loop's own.
std::unique_ptr<EventLoop> MakeEventLoop(const EventLoopOptions& options, const Clock& clock,
                                         Logger& logger, LoopLagMonitor& monitor,
                                         ExchangeHandler& handler);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_EVENT_LOOP_H_
