// What the instance measures of itself: /metrics for Prometheus, /api/metrics for people.
//
// Reads what others count. /api/metrics also reads /proc, on the loop, and is therefore made once a
// second at most, however many ask for it (shared_response.h). What is injected outlives the
// handlers. Thread-safe.
#ifndef SCALEOUT_GATEWAY_HANDLERS_METRICS_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_METRICS_HANDLERS_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "common/metrics.h"
#include "gateway/backends/backends.h"
#include "gateway/events/cache_invalidator.h"
#include "gateway/handlers/shared_response.h"
#include "gateway/http/message.h"
#include "gateway/observability/instance_snapshot.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class MetricsHandlers {
 public:
  // For an instance with `loops` event loops. Without `events` there is nothing said of them.
  MetricsHandlers(std::string instance_id, std::size_t loops, const Metrics& metrics,
                  const InstanceSnapshotSource& instance, Backends& backends,
                  std::function<EventsReport()> events);

  Task<absl::StatusOr<Response>> Prometheus(RequestContext& context, const Request& request);
  // At most kMaxSharedAge old.
  Task<absl::StatusOr<Response>> Json(RequestContext& context, const Request& request);

 private:
  Task<Response> TakeSnapshot();

  const std::string instance_id_;
  const Metrics& metrics_;
  const InstanceSnapshotSource& instance_;
  Backends& backends_;
  const std::function<EventsReport()> events_;
  SharedResponse snapshot_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_METRICS_HANDLERS_H_
