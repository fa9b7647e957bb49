#include "gateway/handlers/health_handlers.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "gateway/handlers/json_response.h"
#include "gateway/runtime/when_all.h"

namespace scaleout::gateway {
namespace {

std::string_view NameOf(ServingState state) {
  switch (state) {
    case ServingState::kServing:
      return "SERVING";
    case ServingState::kNotServing:
      return "NOT_SERVING";
    case ServingState::kUnreachable:
      break;
  }
  return "UNREACHABLE";
}

void WriteReport(JsonWriter& json, Backend& backend, const HealthReport& report) {
  json.RuntimeKey(backend.name);
  json.StartObject();
  json.Field("status", NameOf(report.state));
  json.Field("latencyMs", std::chrono::duration<double, std::milli>(report.latency).count());
  json.Field("circuitBreaker", CircuitStateName(backend.guard.breaker().state()));
  json.EndObject();
}

Response StatusResponse(std::string_view status) {
  JsonWriter json;
  json.StartObject();
  json.Field("status", status);
  json.EndObject();
  return UncachedResponse(std::move(json));
}

}  // namespace

HealthHandlers::HealthHandlers(std::string instance_id, std::size_t loops,
                               const Readiness& readiness, Backends& backends, AuthMode auth_mode)
    : instance_id_(std::move(instance_id)),
      auth_mode_(auth_mode),
      readiness_(readiness),
      backends_(backends),
      health_(loops, kHealthCheckDeadline,
              [this](RequestContext& context) { return AskBackends(context); }) {}

Task<absl::StatusOr<Response>> HealthHandlers::Live(RequestContext&, const Request&) {
  if (!readiness_.live()) {
    co_return absl::UnavailableError("An event loop of this instance makes no progress.");
  }
  co_return StatusResponse("live");
}

Task<absl::StatusOr<Response>> HealthHandlers::Ready(RequestContext&, const Request&) {
  if (readiness_.draining()) {
    co_return WithReason(absl::UnavailableError("This instance is shutting down."), "DRAINING");
  }
  if (!readiness_.started()) {
    co_return WithReason(absl::UnavailableError("This instance is starting."), "STARTING");
  }
  co_return StatusResponse("ready");
}

Task<absl::StatusOr<Response>> HealthHandlers::Health(RequestContext& context, const Request&) {
  return health_.Get(context);
}

Task<Response> HealthHandlers::AskBackends(RequestContext& context) {
  std::vector<Task<HealthReport>> checks;
  for (Backend& backend : backends_) checks.push_back(backend.health->Check(context));
  WhenEach all(checks);
  const std::vector<HealthReport> reports = co_await all;

  const bool all_serve = std::ranges::all_of(
      reports, [](const HealthReport& report) { return report.state == ServingState::kServing; });
  JsonWriter json;
  json.StartObject();
  json.Field("status", all_serve ? "ok" : "degraded");
  json.Field("instanceId", instance_id_);
  json.Field("authMode", AuthModeName(auth_mode_));
  json.StartObject("backends");
  std::size_t i = 0;
  for (Backend& backend : backends_) WriteReport(json, backend, reports[i++]);
  json.EndObject();
  json.EndObject();
  co_return UncachedResponse(std::move(json));
}

}  // namespace scaleout::gateway
