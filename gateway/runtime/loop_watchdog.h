// Reads the heartbeats of all loops and decides what is worth a line, and when to give up.
//
//   healthy    no lag over warn_over for healthy_after
//   lagging    one WARN for each lag over warn_over: at once when it passes name_route_over, with
//              the route that holds the loop, or else when it has ended. At most one a second and
//              loop; the next line says how many were held back. One INFO when healthy again.
//   stuck      no tick taken for abort_after: one ERROR and the abort function, once
//
// For "stuck" only time that the watchdog itself was running counts: a process that was suspended
// as a whole (SIGSTOP, a debugger, a frozen container) continues without being aborted.
// Pure but for the logger and the abort function: LoopWatchdogThread calls Check, or a test does.
// One thread.
#ifndef SCALEOUT_GATEWAY_RUNTIME_LOOP_WATCHDOG_H_
#define SCALEOUT_GATEWAY_RUNTIME_LOOP_WATCHDOG_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/log.h"
#include "gateway/runtime/loop_lag_monitor.h"

namespace scaleout::gateway {

struct LoopWatchdogConfig {
  Duration warn_over = std::chrono::milliseconds(10);
  Duration name_route_over = kStallThreshold;
  Duration warn_interval = std::chrono::seconds(1);
  Duration healthy_after = std::chrono::seconds(1);
  Duration abort_after = std::chrono::seconds(15);  // LOOP_ABORT_AFTER
};

class LoopWatchdog {
 public:
  // The monitors and the logger outlive the watchdog. `abort` is expected not to return, but may.
  LoopWatchdog(const LoopWatchdogConfig& config, const std::vector<LoopLagMonitor*>& monitors,
               Logger& logger, std::function<void()> abort);

  // Every few milliseconds.
  void Check(MonotonicTime now);

 private:
  struct Watched {
    LoopLagMonitor* monitor;
    // The lag that goes on.
    bool over = false;
    bool warned = false;
    bool named = false;  // a line named its route
    Duration peak{0};
    // The time since the loop was last healthy.
    bool unhealthy = false;
    Duration worst{0};
    std::string_view worst_route;
    MonotonicTime last_over;
    // The rate limit.
    MonotonicTime next_warning;
    std::int64_t held_back = 0;
    // Progress.
    std::uint64_t ticks = 0;
    Duration stuck_for{0};
  };

  void CheckLag(Watched& loop, const LoopObservation& seen, MonotonicTime now);
  void CheckProgress(Watched& loop, const LoopObservation& seen, Duration passed);
  void Warn(Watched& loop, std::string_view route, MonotonicTime now);

  const LoopWatchdogConfig config_;
  Logger& logger_;
  const std::function<void()> abort_;
  std::vector<Watched> loops_;
  MonotonicTime last_check_;
  bool aborted_ = false;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_LOOP_WATCHDOG_H_
