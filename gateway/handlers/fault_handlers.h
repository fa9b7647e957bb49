// /api/faults: faults that the lab puts on the calls of this instance to its backends
// (gateway/resilience/injected_faults.h).
//
// A change is of this instance only; behind a balancer the next request may reach another one. It
// takes effect before its answer is sent, on all loops, and lasts until it is taken back or the
// process ends. The routes exist only where the lab's endpoints are on, and refuse pages of other
// origins (routes.cc). What is injected outlives the handlers. Thread-safe: the guards are.
#ifndef SCALEOUT_GATEWAY_HANDLERS_FAULT_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_FAULT_HANDLERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "gateway/backends/backends.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class FaultHandlers {
 public:
  FaultHandlers(std::string instance_id, Backends& backends);

  // Each answers the faults of all backends as they are then.
  Task<absl::StatusOr<Response>> List(RequestContext& context, const Request& request);
  // Replaces those of one backend; what the body leaves out is none.
  Task<absl::StatusOr<Response>> Set(RequestContext& context, const Request& request);
  // Takes back all of them, or those of `?backend=`.
  Task<absl::StatusOr<Response>> Clear(RequestContext& context, const Request& request);

 private:
  Response Answer();

  const std::string instance_id_;
  Backends& backends_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_FAULT_HANDLERS_H_
