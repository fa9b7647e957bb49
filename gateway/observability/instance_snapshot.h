// The state of an instance at one moment: the figures behind /api/metrics.
//
// Plain values with their units in their names. A source gathers them from its loops and its
// process; it may be asked from any loop, takes microseconds, and its figures need not be of the
// same instant.
#ifndef SCALEOUT_GATEWAY_OBSERVABILITY_INSTANCE_SNAPSHOT_H_
#define SCALEOUT_GATEWAY_OBSERVABILITY_INSTANCE_SNAPSHOT_H_

#include <cstdint>
#include <vector>

namespace scaleout::gateway {

// One event loop. The current lag grows while the loop is blocked.
struct EventLoopSnapshot {
  double lag_ms_current = 0;
  double lag_ms_mean = 0;
  double lag_ms_p50 = 0;
  double lag_ms_p99 = 0;
  double lag_ms_max = 0;
  double utilization = 0;  // 0 to 1: the share of time that it did not wait
};

// Over all loops, since the start.
struct RequestSnapshot {
  std::int64_t total = 0;
  std::int64_t in_flight = 0;
  std::int64_t errors = 0;  // answered with a 5xx status
  double latency_ms_p50 = 0;
  double latency_ms_p95 = 0;
  double latency_ms_p99 = 0;
};

struct ProcessSnapshot {
  std::int64_t pid = 0;
  double uptime_seconds = 0;
  double cpu_seconds = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t threads = 0;
  std::int64_t open_fds = 0;
};

struct InstanceSnapshot {
  ProcessSnapshot process;
  std::vector<EventLoopSnapshot> event_loops;  // by the loops' indices
  RequestSnapshot requests;
};

class InstanceSnapshotSource {
 public:
  virtual ~InstanceSnapshotSource() = default;
  virtual InstanceSnapshot TakeSnapshot() const = 0;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_OBSERVABILITY_INSTANCE_SNAPSHOT_H_
