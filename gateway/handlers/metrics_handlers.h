// What the instance measures of itself: /metrics for Prometheus, /api/metrics for people.
//
// Reads what others count and keeps nothing. What is injected outlives it.
#ifndef SCALEOUT_GATEWAY_HANDLERS_METRICS_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_METRICS_HANDLERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/metrics.h"
#include "gateway/backends/backends.h"
#include "gateway/http/message.h"
#include "gateway/observability/instance_snapshot.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class MetricsHandlers {
 public:
  MetricsHandlers(std::string instance_id, const Metrics& metrics,
                  const InstanceSnapshotSource& instance, Backends& backends);

  Task<absl::StatusOr<Response>> Prometheus(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Json(RequestContext& context, const Request& request);

 private:
  const std::string instance_id_;
  const Metrics& metrics_;
  const InstanceSnapshotSource& instance_;
  Backends& backends_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_METRICS_HANDLERS_H_
