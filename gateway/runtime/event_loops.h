// The event loops of an instance: made before everything that uses one, destroyed after it.
//
// They do nothing until Start, but jobs can be posted and monitors can be read from the first
// moment. Start and Stop are called from one thread, that of main.
#ifndef SCALEOUT_GATEWAY_RUNTIME_EVENT_LOOPS_H_
#define SCALEOUT_GATEWAY_RUNTIME_EVENT_LOOPS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/runtime/event_loop.h"
#include "gateway/runtime/loop_lag_monitor.h"

namespace scaleout::gateway {

class EventLoops {
 public:
  // The references outlive the loops.
  EventLoops(std::size_t count, const Clock& clock, Logger& logger, Metrics& metrics);
  EventLoops(const EventLoops&) = delete;
  EventLoops& operator=(const EventLoops&) = delete;
  // Stops them.
  ~EventLoops();

  std::size_t size() const { return loops_.size(); }
  EventLoop& at(std::size_t index) const { return *loops_[index]; }

  // Calls `listener` at each tick of each loop, on its thread. Before Start.
  void OnEachTick(const std::function<void(std::size_t loop, Duration lag)>& listener);
  void Start();
  // Ends all threads and runs what is posted still.
  void Stop();

  // By the loops' indices.
  std::vector<LoopLagMonitor*> monitors() const;
  // Whether every loop has taken a tick within `bound`. Any thread.
  bool MakeProgress(MonotonicTime now, Duration bound) const;

 private:
  std::vector<std::unique_ptr<EventLoop>> loops_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_EVENT_LOOPS_H_
