#include "gateway/resilience/resilience_metrics.h"

#include <string>
#include <utility>

namespace scaleout::gateway {
namespace {

// Only what can happen: a series that stays 0 for ever says nothing.
constexpr std::pair<CircuitState, CircuitState> kCircuitTransitions[] = {
    {CircuitState::kClosed, CircuitState::kOpen},
    {CircuitState::kClosed, CircuitState::kDisabled},
    {CircuitState::kClosed, CircuitState::kForcedOpen},
    {CircuitState::kOpen, CircuitState::kHalfOpen},
    {CircuitState::kOpen, CircuitState::kClosed},
    {CircuitState::kOpen, CircuitState::kDisabled},
    {CircuitState::kOpen, CircuitState::kForcedOpen},
    {CircuitState::kHalfOpen, CircuitState::kClosed},
    {CircuitState::kHalfOpen, CircuitState::kOpen},
    {CircuitState::kHalfOpen, CircuitState::kDisabled},
    {CircuitState::kHalfOpen, CircuitState::kForcedOpen},
    {CircuitState::kDisabled, CircuitState::kClosed},
    {CircuitState::kDisabled, CircuitState::kForcedOpen},
    {CircuitState::kForcedOpen, CircuitState::kClosed},
    {CircuitState::kForcedOpen, CircuitState::kDisabled},
};

double Number(std::int64_t count) { return static_cast<double>(count); }

}  // namespace

void DescribeCircuitBreaker(Metrics& metrics, std::string_view backend, CircuitBreaker& breaker) {
  const std::string name(backend);
  for (const CircuitState state : kCircuitStates) {
    metrics.AddCallbackGauge("gateway_circuit_breaker_state",
                             "1 for the state that the breaker is in, else 0.",
                             {{"backend", name}, {"state", std::string(CircuitStateName(state))}},
                             [&breaker, state] { return breaker.state() == state ? 1.0 : 0.0; });
  }
  const std::pair<const char*, std::int64_t CircuitSnapshot::*> kinds[] = {
      {"successful", &CircuitSnapshot::successful},
      {"failed", &CircuitSnapshot::failed},
      {"ignored", &CircuitSnapshot::ignored},
      {"not_permitted", &CircuitSnapshot::not_permitted},
  };
  for (const auto& [kind, count] : kinds) {
    metrics.AddCallbackCounter(
        "gateway_circuit_breaker_calls_total",
        "Calls that ended, and those that were not permitted.", {{"backend", name}, {"kind", kind}},
        [&breaker, count = count] { return Number(breaker.Snapshot().*count); });
  }
  for (const auto& [from, to] : kCircuitTransitions) {
    metrics.AddCallbackCounter("gateway_circuit_breaker_transitions_total", "Changes of state.",
                               {{"backend", name},
                                {"from", std::string(CircuitStateName(from))},
                                {"to", std::string(CircuitStateName(to))}},
                               [&breaker, from = from, to = to] {
                                 return Number(breaker.Snapshot().TransitionsOf(from, to));
                               });
  }
  metrics.AddCallbackGauge("gateway_circuit_breaker_failure_ratio",
                           "Failed calls among those the breaker judges by now.",
                           {{"backend", name}},
                           [&breaker] { return breaker.Snapshot().counts.FailureRatio(); });
  metrics.AddCallbackGauge("gateway_circuit_breaker_slow_call_ratio",
                           "Slow calls among those the breaker judges by now.", {{"backend", name}},
                           [&breaker] { return breaker.Snapshot().counts.SlowRatio(); });
}

void DescribeBulkhead(Metrics& metrics, std::string_view backend, const Bulkhead& bulkhead) {
  const MetricLabels labels = {{"backend", std::string(backend)}};
  metrics.AddCallbackGauge("gateway_bulkhead_in_flight", "Calls to the backend in flight.", labels,
                           [&bulkhead] { return Number(bulkhead.in_flight()); });
  metrics.AddCallbackGauge("gateway_bulkhead_max_concurrent_calls",
                           "Calls to the backend that may be in flight.", labels,
                           [&bulkhead] { return Number(bulkhead.max_concurrent_calls()); });
  metrics.AddCallbackCounter("gateway_bulkhead_rejected_total",
                             "Calls refused because too many were in flight.", labels,
                             [&bulkhead] { return Number(bulkhead.rejected()); });
}

void DescribeRetryBudget(Metrics& metrics, std::string_view backend, RetryBudget& budget) {
  const MetricLabels labels = {{"backend", std::string(backend)}};
  metrics.AddCallbackGauge("gateway_retry_budget_available", "Retries that would be granted now.",
                           labels, [&budget] { return budget.Snapshot().available; });
  metrics.AddCallbackCounter("gateway_retry_budget_exhausted_total",
                             "Retries not made because the budget was empty.", labels,
                             [&budget] { return Number(budget.Snapshot().exhausted); });
}

void DescribeConcurrencyLimiter(Metrics& metrics, const ConcurrencyLimiter& limiter) {
  metrics.AddCallbackGauge("gateway_concurrency_limit", "Requests that may be in flight.", {},
                           [&limiter] { return Number(limiter.Snapshot().limit); });
  metrics.AddCallbackGauge("gateway_concurrency_in_flight", "Admitted requests in flight.", {},
                           [&limiter] { return Number(limiter.Snapshot().in_flight); });
  metrics.AddCallbackGauge("gateway_concurrency_latency_gradient",
                           "1: requests take as long as ever; less: they queue.", {},
                           [&limiter] { return limiter.Snapshot().latency_gradient; });
  metrics.AddCallbackGauge("gateway_concurrency_lag_gradient",
                           "1: the event loops keep up; less: they do not.", {},
                           [&limiter] { return limiter.Snapshot().lag_gradient; });
  metrics.AddCallbackCounter("gateway_concurrency_admitted_total", "Requests admitted.", {},
                             [&limiter] { return Number(limiter.Snapshot().admitted); });
  metrics.AddCallbackCounter("gateway_concurrency_rejected_total",
                             "Requests refused because the limit was reached.", {},
                             [&limiter] { return Number(limiter.Snapshot().rejected); });
}

}  // namespace scaleout::gateway
