// The series of one backend's circuit breaker, bulkhead and retry budget, and of the instance's
// limiter: the objects count in plain fields, and here is the one block that describes them. Each
// function is called once an object; the object outlives the last rendering of `metrics`.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_RESILIENCE_METRICS_H_
#define SCALEOUT_GATEWAY_RESILIENCE_RESILIENCE_METRICS_H_

#include <string_view>

#include "common/metrics.h"
#include "gateway/resilience/bulkhead.h"
#include "gateway/resilience/circuit_breaker.h"
#include "gateway/resilience/concurrency_limiter.h"
#include "gateway/resilience/retry_budget.h"

namespace scaleout::gateway {

// gateway_circuit_breaker_state{backend,state}, _calls_total{backend,kind},
// _transitions_total{backend,from,to}, _failure_ratio{backend}, _slow_call_ratio{backend}.
void DescribeCircuitBreaker(Metrics& metrics, std::string_view backend, CircuitBreaker& breaker);

// gateway_bulkhead_in_flight{backend}, _max_concurrent_calls{backend}, _rejected_total{backend}.
void DescribeBulkhead(Metrics& metrics, std::string_view backend, const Bulkhead& bulkhead);

// gateway_retry_budget_available{backend}, gateway_retry_budget_exhausted_total{backend}.
void DescribeRetryBudget(Metrics& metrics, std::string_view backend, RetryBudget& budget);

// gateway_concurrency_limit, _in_flight, _admitted_total, _rejected_total, _latency_gradient,
// _lag_gradient (all with the prefix gateway_concurrency).
void DescribeConcurrencyLimiter(Metrics& metrics, const ConcurrencyLimiter& limiter);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_RESILIENCE_METRICS_H_
