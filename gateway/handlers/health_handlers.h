// The probes of this instance, and its view of the services.
//
// A backend that does not serve degrades the health document; it never fails it, nor a probe. The
// document asks every backend; it is made once a second at most, however many ask for it
// (shared_response.h). What is injected outlives the handlers. Thread-safe.
#ifndef SCALEOUT_GATEWAY_HANDLERS_HEALTH_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_HEALTH_HANDLERS_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/auth/auth_config.h"
#include "gateway/backends/backends.h"
#include "gateway/handlers/shared_response.h"
#include "gateway/http/message.h"
#include "gateway/observability/readiness.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class HealthHandlers {
 public:
  // For an instance with `loops` event loops.
  HealthHandlers(std::string instance_id, std::size_t loops, const Readiness& readiness,
                 Backends& backends, AuthMode auth_mode);

  // 200 while all loops make progress, else 503.
  Task<absl::StatusOr<Response>> Live(RequestContext& context, const Request& request);
  // 200 from the start to the drain, else 503.
  Task<absl::StatusOr<Response>> Ready(RequestContext& context, const Request& request);
  // Always 200; `status` is "ok" or "degraded". At most kMaxSharedAge old.
  Task<absl::StatusOr<Response>> Health(RequestContext& context, const Request& request);

 private:
  Task<Response> AskBackends(RequestContext& context);

  const std::string instance_id_;
  const AuthMode auth_mode_;
  const Readiness& readiness_;
  Backends& backends_;
  SharedResponse health_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_HEALTH_HANDLERS_H_
