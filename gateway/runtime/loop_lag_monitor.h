// How late one event loop is, while it runs and while it is blocked.
//
// The loop reports a timer of kLagTick on an absolute schedule; the lag is how much later than
// scheduled a tick was taken. A stall of D stands for the samples D, D - 10 ms, D - 20 ms, ... that
// the timer would have taken meanwhile (correction for coordinated omission, Gil Tene), so the
// histogram's quantiles are those of time, not of luck. An observer on another thread sees the lag
// grow while the loop is blocked: it is the time since the next tick was due.
//
// A lag over kStallThreshold is a stall. It is attributed to the route that held the loop longest
// since the last tick, if that was at least half of the stall; otherwise on "none": many short
// turns, not one long one.
//
// The On...() and ...Route() functions are the loop's alone; everything else may be called from any
// thread at any time and never makes the loop wait. (Idea: seastar's stall detector.)
#ifndef SCALEOUT_GATEWAY_RUNTIME_LOOP_LAG_MONITOR_H_
#define SCALEOUT_GATEWAY_RUNTIME_LOOP_LAG_MONITOR_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/runtime/loop_utilization.h"
#include "gateway/runtime/route_description.h"

namespace scaleout::gateway {

inline constexpr Duration kLagTick = std::chrono::milliseconds(10);
inline constexpr Duration kStallThreshold = std::chrono::milliseconds(25);
// A monitor distinguishes so many routes; stalls of any further ones are attributed to "none".
inline constexpr std::size_t kMaxRoutesWithStalls = 255;

// Not of one instant, when taken while the loop runs.
struct LoopLagSnapshot {
  std::size_t loop = 0;
  double lag_seconds_current = 0;
  double lag_seconds_mean = 0;  // this and the quantiles: of the corrected samples since the start
  double lag_seconds_p50 = 0;
  double lag_seconds_p99 = 0;
  double lag_seconds_max = 0;    // since the start, the current lag included
  double utilization_ratio = 0;  // of the last second
  std::int64_t stalls = 0;
  std::string_view holding_route;  // empty if no route holds the loop
};

// What the watchdog reads.
struct LoopObservation {
  std::uint64_t ticks = 0;  // 0: the loop has not begun. It makes progress if this changes
  Duration lag{0};          // now, or the worst since the last observation
  std::string_view route;   // that holds the loop, or was blamed for that worst; may be "none"
};

class LoopLagMonitor {
 public:
  // Its series (gateway_event_loop_*) carry loop="<loop>". The clock outlives the monitor, and the
  // monitor the last rendering of `metrics`.
  LoopLagMonitor(const Clock& clock, std::size_t loop, Metrics& metrics);
  LoopLagMonitor(const LoopLagMonitor&) = delete;
  LoopLagMonitor& operator=(const LoopLagMonitor&) = delete;

  // A tick was taken at `actual`; `scheduled` is the earliest one that had not been. Those that
  // were due in between are part of it and are not reported.
  void OnTick(MonotonicTime scheduled, MonotonicTime actual);
  // The loop has something to do; it is about to wait.
  void OnWake(MonotonicTime now) { utilization_.OnWake(now); }
  void OnIdle(MonotonicTime now) { utilization_.OnIdle(now); }
  // Brackets around a turn of a handler. Entering another route ends the one before; leaving none
  // is nothing. `route` outlives the monitor's last Snapshot and observation.
  void EnterRoute(const RouteDescription& route);
  void LeaveRoute();

  // Zero until the first tick.
  Duration CurrentLag(MonotonicTime now) const;
  double UtilizationRatio(MonotonicTime now) const { return utilization_.Ratio(now); }
  LoopLagSnapshot Snapshot() const;

  // For one observer: it takes the worst lag with it.
  LoopObservation TakeObservation(MonotonicTime now);

  std::size_t loop() const { return loop_; }

 private:
  struct RouteStalls {
    // Null in slot 0, which is "none", and in slots that are free. Written once, by the loop.
    std::atomic<const RouteDescription*> route{nullptr};
    Counter* count = nullptr;  // made by the route's first stall: most have none
    Counter* seconds = nullptr;
  };

  void CountStall(RouteStalls& stalls, double seconds);
  void EndHold();
  // The slot of `route` in routes_, which is given one when it is first asked for; 0 for null, and
  // when there is none left. The loop's alone.
  std::size_t SlotOf(const RouteDescription* route);

  const Clock& clock_;
  const std::size_t loop_;
  const std::string label_;
  Metrics& metrics_;
  Histogram& lags_;
  LoopUtilization utilization_;
  std::array<RouteStalls, kMaxRoutesWithStalls + 1> routes_;

  // The loop's own.
  std::size_t slots_ = 1;
  MonotonicTime hold_start_;
  Duration longest_hold_{0};
  const RouteDescription* longest_holder_ = nullptr;

  // Written by the loop, read by any thread.
  std::atomic<std::uint64_t> ticks_{0};
  std::atomic<Duration::rep> next_due_{0};  // since the clock's epoch
  std::atomic<Duration::rep> max_lag_{0};
  std::atomic<std::int64_t> stalls_{0};
  std::atomic<const RouteDescription*> holder_{nullptr};
  // Microseconds above 16 bits of route slot, so that the worst and its route are one.
  std::atomic<std::uint64_t> worst_{0};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_LOOP_LAG_MONITOR_H_
