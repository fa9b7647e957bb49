// Everything about resilience that the environment can say, in one struct. The defaults are the
// product's; docs/resilience.md explains each. Every loop and backend of the instance has the same.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_RESILIENCE_CONFIG_H_
#define SCALEOUT_GATEWAY_RESILIENCE_RESILIENCE_CONFIG_H_

#include <chrono>

#include "common/clock.h"
#include "common/env.h"
#include "gateway/resilience/bulkhead.h"
#include "gateway/resilience/circuit_breaker.h"
#include "gateway/resilience/concurrency_limiter.h"
#include "gateway/resilience/retry_budget.h"
#include "gateway/resilience/retry_policy.h"

namespace scaleout::gateway {

struct ResilienceConfig {
  // LAB_PLAIN_CALLS=on: calls without any of this, to measure what it costs.
  bool plain_calls = false;
  CircuitBreakerConfig breaker;                        // GATEWAY_BREAKER_*
  RetryPolicyConfig retry;                             // GATEWAY_RETRY_*
  RetryBudgetConfig retry_budget;                      // GATEWAY_RETRY_BUDGET_*
  Duration attempt_timeout = std::chrono::seconds(2);  // GATEWAY_ATTEMPT_TIMEOUT
  BulkheadConfig bulkhead;                             // GATEWAY_BULKHEAD_*
  ConcurrencyLimiterConfig limiter;                    // GATEWAY_LIMITER_*
};

// Bad values, and values that contradict each other, become problems of `env`.
ResilienceConfig LoadResilienceConfig(Environment& env);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_RESILIENCE_CONFIG_H_
