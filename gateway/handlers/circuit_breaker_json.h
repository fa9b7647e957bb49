// A circuit breaker as JSON, the same in /api/circuit-breakers and in /api/metrics
// (CircuitBreaker in docs/openapi.yaml). Counts are since the start, but for those of the window;
// times are milliseconds. Pure.
#ifndef SCALEOUT_GATEWAY_HANDLERS_CIRCUIT_BREAKER_JSON_H_
#define SCALEOUT_GATEWAY_HANDLERS_CIRCUIT_BREAKER_JSON_H_

#include "gateway/json/json_writer.h"
#include "gateway/resilience/circuit_breaker.h"

namespace scaleout::gateway {

// An object: the state, what stands in its window, what it did since the start.
void WriteCircuitBreaker(JsonWriter& json, const CircuitSnapshot& circuit);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_CIRCUIT_BREAKER_JSON_H_
