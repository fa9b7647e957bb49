// The lag monitors of all loops of an instance. Filled once, between the routes (whose names the
// monitors need) and the start of the loops; after that immutable and hence thread-safe.
#ifndef SCALEOUT_GATEWAY_RUNTIME_LOOP_MONITORS_H_
#define SCALEOUT_GATEWAY_RUNTIME_LOOP_MONITORS_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/runtime/loop_lag_monitor.h"

namespace scaleout::gateway {

class LoopMonitors {
 public:
  void Fill(std::size_t loops, const Clock& clock, Metrics& metrics,
            const std::vector<std::string>& routes) {
    for (std::size_t i = 0; i < loops; ++i) {
      owned_.push_back(std::make_unique<LoopLagMonitor>(clock, i, metrics, routes));
      all_.push_back(owned_.back().get());
    }
  }

  // By the loops' indices.
  const std::vector<LoopLagMonitor*>& all() const { return all_; }

  // Whether every loop has taken a tick within `bound`.
  bool MakeProgress(MonotonicTime now, Duration bound) const {
    return std::all_of(all_.begin(), all_.end(), [now, bound](const LoopLagMonitor* monitor) {
      return monitor->CurrentLag(now) < bound;
    });
  }

 private:
  std::vector<std::unique_ptr<LoopLagMonitor>> owned_;
  std::vector<LoopLagMonitor*> all_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_LOOP_MONITORS_H_
