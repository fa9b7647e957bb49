#include "gateway/handlers/circuit_breaker_handlers.h"

#include <utility>

#include "common/str_cat.h"
#include "gateway/handlers/backends_response.h"
#include "gateway/handlers/circuit_breaker_json.h"
#include "gateway/handlers/json_response.h"
#include "gateway/json/query_reader.h"

namespace scaleout::gateway {

CircuitBreakerHandlers::CircuitBreakerHandlers(std::string instance_id, Backends& backends)
    : instance_id_(std::move(instance_id)), backends_(backends) {}

Task<absl::StatusOr<Response>> CircuitBreakerHandlers::List(RequestContext&,
                                                            const Request& request) {
  QueryReader query(request);
  absl::Status checked = query.Check();
  if (!checked.ok()) co_return checked;
  co_return BackendsResponse(instance_id_, backends_, [](JsonWriter& json, BackendGuard& guard) {
    WriteCircuitBreaker(json, guard.breaker().Snapshot());
  });
}

Task<absl::StatusOr<Response>> CircuitBreakerHandlers::ForceOpen(RequestContext&,
                                                                 const Request& request) {
  co_return Control(request, &CircuitBreaker::ForceOpen);
}

Task<absl::StatusOr<Response>> CircuitBreakerHandlers::Reset(RequestContext&,
                                                             const Request& request) {
  co_return Control(request, &CircuitBreaker::Reset);
}

Task<absl::StatusOr<Response>> CircuitBreakerHandlers::Disable(RequestContext&,
                                                               const Request& request) {
  co_return Control(request, &CircuitBreaker::Disable);
}

absl::StatusOr<Response> CircuitBreakerHandlers::Control(const Request& request,
                                                         void (CircuitBreaker::*control)()) {
  QueryReader query(request);
  if (absl::Status checked = query.Check(); !checked.ok()) return checked;
  BackendGuard* const guard = backends_.FindGuard(request.PathParameter("backend"));
  if (guard == nullptr) {
    return absl::NotFoundError(
        StrCat("There is no backend '", request.PathParameter("backend"), "'."));
  }
  (guard->breaker().*control)();
  JsonWriter json;
  json.StartObject();
  json.Field("instanceId", instance_id_);
  json.Field("backend", guard->backend());
  json.Key("circuitBreaker");
  WriteCircuitBreaker(json, guard->breaker().Snapshot());
  json.EndObject();
  return UncachedResponse(std::move(json));
}

}  // namespace scaleout::gateway
