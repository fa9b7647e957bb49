// Gathers an InstanceSnapshot from where the figures are kept: the loops' monitors, the request
// counts, the kernel.
#ifndef SCALEOUT_GATEWAY_OBSERVABILITY_INSTANCE_STATS_H_
#define SCALEOUT_GATEWAY_OBSERVABILITY_INSTANCE_STATS_H_

#include "common/clock.h"
#include "gateway/observability/instance_snapshot.h"
#include "gateway/observability/request_stats.h"
#include "gateway/runtime/event_loops.h"

namespace scaleout::gateway {

class InstanceStats final : public InstanceSnapshotSource {
 public:
  // Uptime counts from here. Everything outlives the object.
  InstanceStats(const Clock& clock, const EventLoops& loops, const RequestStats& requests);

  InstanceSnapshot TakeSnapshot() const override;

 private:
  const Clock& clock_;
  const EventLoops& loops_;
  const RequestStats& requests_;
  const MonotonicTime started_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_OBSERVABILITY_INSTANCE_STATS_H_
