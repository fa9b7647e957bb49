#include "gateway/runtime/loop_watchdog.h"

#include <algorithm>
#include <utility>

namespace scaleout::gateway {
namespace {

// What one check may add to the time that a loop is stuck, however late the check comes.
constexpr Duration kMaxCreditedGap = std::chrono::milliseconds(100);

constexpr std::string_view kNoRoute = "none";

double Milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::int64_t Index(const LoopLagMonitor& monitor) {
  return static_cast<std::int64_t>(monitor.loop());
}

}  // namespace

LoopWatchdog::LoopWatchdog(const LoopWatchdogConfig& config,
                           const std::vector<LoopLagMonitor*>& monitors, Logger& logger,
                           std::function<void()> abort)
    : config_(config), logger_(logger), abort_(std::move(abort)) {
  for (LoopLagMonitor* monitor : monitors) loops_.emplace_back().monitor = monitor;
}

void LoopWatchdog::Check(MonotonicTime now) {
  const Duration passed = std::min(Duration(now - last_check_), kMaxCreditedGap);
  last_check_ = now;
  for (Watched& loop : loops_) {
    const LoopObservation seen = loop.monitor->TakeObservation(now);
    if (seen.ticks == 0) continue;
    CheckLag(loop, seen, now);
    CheckProgress(loop, seen, passed);
  }
}

void LoopWatchdog::CheckLag(Watched& loop, const LoopObservation& seen, MonotonicTime now) {
  if (seen.lag > config_.warn_over) {
    if (!std::exchange(loop.over, true)) {
      loop.warned = false;
      loop.named = false;
      loop.peak = Duration::zero();
    }
    loop.peak = std::max(loop.peak, seen.lag);
    if (!std::exchange(loop.unhealthy, true)) loop.worst = Duration::zero();
    if (seen.lag > loop.worst) {
      loop.worst = seen.lag;
      loop.worst_route = seen.route;
    }
    loop.last_over = now;
    // A stall that goes on waits for the rate limit: its line is the one that names the route.
    // On a starved machine it may have been attributed to no route at first, and is then worth a
    // second line.
    const bool news = !loop.warned || (!loop.named && seen.route != kNoRoute);
    if (news && seen.lag > config_.name_route_over && now >= loop.next_warning) {
      loop.named = seen.route != kNoRoute;
      Warn(loop, seen.route, now);
    }
    return;
  }
  if (std::exchange(loop.over, false) && !loop.warned) Warn(loop, {}, now);
  if (loop.unhealthy && now - loop.last_over >= config_.healthy_after) {
    loop.unhealthy = false;
    logger_.Info("event loop is healthy again", {{"loop", Index(*loop.monitor)},
                                                 {"lagMsMax", Milliseconds(loop.worst)},
                                                 {"route", loop.worst_route},
                                                 {"heldBack", std::exchange(loop.held_back, 0)}});
  }
}

void LoopWatchdog::Warn(Watched& loop, std::string_view route, MonotonicTime now) {
  loop.warned = true;
  if (now < loop.next_warning) {
    loop.held_back += 1;
    return;
  }
  loop.next_warning = now + config_.warn_interval;
  const std::int64_t held_back = std::exchange(loop.held_back, 0);
  if (route.empty()) {
    logger_.Warn("event loop lags", {{"loop", Index(*loop.monitor)},
                                     {"lagMs", Milliseconds(loop.peak)},
                                     {"heldBack", held_back}});
  } else {
    logger_.Warn("event loop is blocked", {{"loop", Index(*loop.monitor)},
                                           {"lagMs", Milliseconds(loop.peak)},
                                           {"route", route},
                                           {"heldBack", held_back}});
  }
}

void LoopWatchdog::CheckProgress(Watched& loop, const LoopObservation& seen, Duration passed) {
  if (seen.ticks != loop.ticks) {
    loop.ticks = seen.ticks;
    loop.stuck_for = Duration::zero();
    return;
  }
  loop.stuck_for += passed;
  if (loop.stuck_for < config_.abort_after || std::exchange(aborted_, true)) return;
  logger_.Error("event loop makes no progress, giving up",
                {{"loop", Index(*loop.monitor)},
                 {"stuckMs", Milliseconds(loop.stuck_for)},
                 {"route", seen.route}});
  logger_.Flush();
  abort_();
}

}  // namespace scaleout::gateway
