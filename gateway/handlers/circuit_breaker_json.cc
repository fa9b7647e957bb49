#include "gateway/handlers/circuit_breaker_json.h"

#include <chrono>

namespace scaleout::gateway {

void WriteCircuitBreaker(JsonWriter& json, const CircuitSnapshot& circuit) {
  json.StartObject();
  json.Field("state", CircuitStateName(circuit.state));
  json.StartObject("window");
  json.Field("calls", circuit.counts.calls);
  json.Field("failed", circuit.counts.failed);
  json.Field("slow", circuit.counts.slow);
  json.Field("failureRatio", circuit.counts.FailureRatio());
  json.Field("slowCallRatio", circuit.counts.SlowRatio());
  json.EndObject();
  json.StartObject("calls");
  json.Field("successful", circuit.successful);
  json.Field("failed", circuit.failed);
  json.Field("ignored", circuit.ignored);
  json.Field("notPermitted", circuit.not_permitted);
  json.EndObject();
  json.Field("retryAfterMs",
             std::chrono::duration<double, std::milli>(circuit.retry_after).count());
  json.EndObject();
}

}  // namespace scaleout::gateway
