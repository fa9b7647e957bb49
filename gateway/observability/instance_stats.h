// Gathers an InstanceSnapshot from where the figures are kept: the loops' monitors, the request
// counts, the kernel.
#ifndef SCALEOUT_GATEWAY_OBSERVABILITY_INSTANCE_STATS_H_
#define SCALEOUT_GATEWAY_OBSERVABILITY_INSTANCE_STATS_H_

#include "common/clock.h"
#include "gateway/observability/instance_snapshot.h"
#include "gateway/observability/request_stats.h"
#include "gateway/runtime/loop_monitors.h"

namespace scaleout::gateway {

class InstanceStats final : public InstanceSnapshotSource {
 public:
  // Uptime counts from here. Everything outlives the object; `monitors` may still be filled, until
  // the first snapshot.
  InstanceStats(const Clock& clock, const LoopMonitors& monitors, const RequestStats& requests);

  InstanceSnapshot TakeSnapshot() const override;

 private:
  const Clock& clock_;
  const LoopMonitors& monitors_;
  const RequestStats& requests_;
  const MonotonicTime started_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_OBSERVABILITY_INSTANCE_STATS_H_
