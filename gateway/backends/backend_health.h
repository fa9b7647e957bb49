// What a service says of itself: grpc.health.v1 Check, asked with a short deadline.
//
// It goes around the guard: its outcome is an answer, not a call that counts for or against the
// backend. Resumes on the request's loop.
#ifndef SCALEOUT_GATEWAY_BACKENDS_BACKEND_HEALTH_H_
#define SCALEOUT_GATEWAY_BACKENDS_BACKEND_HEALTH_H_

#include <chrono>
#include <memory>

#include "common/clock.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

inline constexpr std::chrono::milliseconds kHealthCheckDeadline{500};

// kNotServing is the service's own word; kUnreachable means that it said nothing in time.
enum class ServingState { kServing, kNotServing, kUnreachable };

struct HealthReport {
  HealthReport(ServingState state_in, Duration latency_in) : state(state_in), latency(latency_in) {}

  ServingState state;
  Duration latency;
};

class BackendHealth {
 public:
  virtual ~BackendHealth() = default;
  virtual Task<HealthReport> Check(RequestContext& context) = 0;
};

class BackendChannel;

// Asks through `channel`, which outlives the result.
std::unique_ptr<BackendHealth> MakeBackendHealth(BackendChannel& channel);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_BACKEND_HEALTH_H_
