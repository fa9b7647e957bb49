#include "gateway/backends/patient_guard.h"

#include <algorithm>

#include "gateway/backends/backends.h"

namespace scaleout::gateway {

BackendGuard& AddPatientGuard(Backends& backends, std::string_view name, const GuardParts& parts,
                              const PatientLimits& limits) {
  ResilienceConfig config = parts.config;
  config.attempt_timeout = limits.attempt_timeout;
  config.bulkhead.max_concurrent_calls =
      std::min(config.bulkhead.max_concurrent_calls, limits.max_calls);
  config.breaker.slow_call_duration = limits.silence;
  config.breaker.slow_call_rate_threshold = kNeverSlow;
  return backends.AddGuard(name, {config, parts.clock, parts.random, parts.metrics, parts.logger});
}

}  // namespace scaleout::gateway
