// Everything about resilience that the environment can say, in one struct. The defaults are the
// product's and stand with each part; docs/resilience.md explains what they do. Every loop and
// backend of the instance has the same.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_RESILIENCE_CONFIG_H_
#define SCALEOUT_GATEWAY_RESILIENCE_RESILIENCE_CONFIG_H_

#include <chrono>

#include "common/clock.h"
#include "common/settings.h"
#include "gateway/resilience/bulkhead.h"
#include "gateway/resilience/circuit_breaker.h"
#include "gateway/resilience/concurrency_limiter.h"
#include "gateway/resilience/retry_budget.h"
#include "gateway/resilience/retry_policy.h"

namespace scaleout::gateway {

struct ResilienceConfig {
  CircuitBreakerConfig breaker;
  RetryPolicyConfig retry;
  RetryBudgetConfig retry_budget;
  // Of one attempt, within the call's deadline.
  Duration attempt_timeout = std::chrono::seconds(2);
  BulkheadConfig bulkhead;
  ConcurrencyLimiterConfig limiter;
};

// Declares its settings. Values that contradict each other are problems too.
void DeclareResilienceSettings(Settings& settings, ResilienceConfig& config);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_RESILIENCE_CONFIG_H_
