// /api/circuit-breakers: the state of this instance's circuit breakers, and the lab's controls.
//
// A control changes this instance only; behind a balancer the next request may reach another one.
// It takes effect before its answer is sent, on all loops. The control routes exist only where the
// lab's endpoints are on, and refuse pages of other origins (routes.cc). What is injected outlives
// the handlers. Thread-safe: the breakers are.
#ifndef SCALEOUT_GATEWAY_HANDLERS_CIRCUIT_BREAKER_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_CIRCUIT_BREAKER_HANDLERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "gateway/backends/backends.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class CircuitBreakerHandlers {
 public:
  CircuitBreakerHandlers(std::string instance_id, Backends& backends);

  Task<absl::StatusOr<Response>> List(RequestContext& context, const Request& request);
  // Each answers the breaker as it is then. 404 for a backend that there is not.
  Task<absl::StatusOr<Response>> ForceOpen(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Reset(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Disable(RequestContext& context, const Request& request);

 private:
  absl::StatusOr<Response> Control(const Request& request, void (CircuitBreaker::*control)());

  const std::string instance_id_;
  Backends& backends_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_CIRCUIT_BREAKER_HANDLERS_H_
