#include "gateway/observability/instance_stats.h"

#include <unistd.h>

#include <chrono>

#include "common/process_stats.h"

namespace scaleout::gateway {
namespace {

constexpr double kMsPerSecond = 1000;

EventLoopSnapshot ToEventLoop(const LoopLagSnapshot& lag) {
  EventLoopSnapshot loop;
  loop.lag_ms_current = lag.lag_seconds_current * kMsPerSecond;
  loop.lag_ms_mean = lag.lag_seconds_mean * kMsPerSecond;
  loop.lag_ms_p50 = lag.lag_seconds_p50 * kMsPerSecond;
  loop.lag_ms_p99 = lag.lag_seconds_p99 * kMsPerSecond;
  loop.lag_ms_max = lag.lag_seconds_max * kMsPerSecond;
  loop.utilization = lag.utilization_ratio;
  return loop;
}

}  // namespace

InstanceStats::InstanceStats(const Clock& clock, const EventLoops& loops,
                             const RequestStats& requests)
    : clock_(clock), loops_(loops), requests_(requests), started_(clock.Now()) {}

InstanceSnapshot InstanceStats::TakeSnapshot() const {
  InstanceSnapshot snapshot;
  const ProcessStats process = ReadProcessStats();
  snapshot.process.pid = ::getpid();
  snapshot.process.uptime_seconds = std::chrono::duration<double>(clock_.Now() - started_).count();
  snapshot.process.cpu_seconds = process.cpu_seconds;
  snapshot.process.resident_bytes = process.resident_bytes;
  snapshot.process.threads = process.threads;
  snapshot.process.open_fds = process.open_fds;
  for (const LoopLagMonitor* monitor : loops_.monitors()) {
    snapshot.event_loops.push_back(ToEventLoop(monitor->Snapshot()));
  }
  snapshot.requests.total = static_cast<std::int64_t>(requests_.total.value());
  snapshot.requests.in_flight = static_cast<std::int64_t>(requests_.active.value());
  snapshot.requests.errors = static_cast<std::int64_t>(requests_.errors.value());
  snapshot.requests.latency_ms_p50 = requests_.latency_seconds.Quantile(0.5) * kMsPerSecond;
  snapshot.requests.latency_ms_p95 = requests_.latency_seconds.Quantile(0.95) * kMsPerSecond;
  snapshot.requests.latency_ms_p99 = requests_.latency_seconds.Quantile(0.99) * kMsPerSecond;
  return snapshot;
}

}  // namespace scaleout::gateway
