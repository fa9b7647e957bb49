#include "gateway/handlers/health_handlers.h"

#include <chrono>
#include <string_view>
#include <tuple>
#include <utility>

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

void WriteReport(JsonWriter& json, BackendGuard& guard, const HealthReport& report) {
  json.StartObject(guard.backend());
  json.Field("status", NameOf(report.state));
  json.Field("latencyMs", std::chrono::duration<double, std::milli>(report.latency).count());
  json.Field("circuitBreaker", CircuitStateName(guard.breaker().state()));
  json.EndObject();
}

Response StatusResponse(std::string_view status) {
  JsonWriter json;
  json.StartObject();
  json.Field("status", status);
  json.EndObject();
  return UncachedResponse(json);
}

}  // namespace

HealthHandlers::HealthHandlers(std::string instance_id, const Readiness& readiness,
                               BackendHealths backends, const BackendGuards& guards)
    : instance_id_(std::move(instance_id)),
      readiness_(readiness),
      backends_(backends),
      guards_(guards) {}

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
  Task<HealthReport> ask_user = backends_.user.Check(context);
  Task<HealthReport> ask_order = backends_.order.Check(context);
  Task<HealthReport> ask_payment = backends_.payment.Check(context);
  WhenAll all(ask_user, ask_order, ask_payment);
  const std::tuple<HealthReport, HealthReport, HealthReport> reports = co_await all;
  const auto& [user, order, payment] = reports;

  const bool all_serve = user.state == ServingState::kServing &&
                         order.state == ServingState::kServing &&
                         payment.state == ServingState::kServing;
  JsonWriter json;
  json.StartObject();
  json.Field("status", all_serve ? "ok" : "degraded");
  json.Field("instanceId", instance_id_);
  json.StartObject("backends");
  WriteReport(json, guards_.user, user);
  WriteReport(json, guards_.order, order);
  WriteReport(json, guards_.payment, payment);
  json.EndObject();
  json.EndObject();
  co_return UncachedResponse(json);
}

}  // namespace scaleout::gateway
