// What a BackendGuard is made of, for tests: the defaults, but no retries unless a test asks for
// them, and fixed random numbers.
#ifndef SCALEOUT_TESTS_SUPPORT_GUARD_FIXTURE_H_
#define SCALEOUT_TESTS_SUPPORT_GUARD_FIXTURE_H_

#include <chrono>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/backends/backend_guard.h"
#include "gateway/resilience/resilience_config.h"

namespace scaleout::testing {

// What is passed in outlives it, and it the guards.
class GuardFixture {
 public:
  GuardFixture(const Clock& clock, Metrics& metrics, Logger& logger)
      : clock_(clock), metrics_(metrics), logger_(logger) {
    config.retry.max_attempts = 1;
    config.attempt_timeout = std::chrono::hours(1);
    config.breaker.minimum_calls = 1'000'000;
  }

  gateway::GuardParts parts() {
    return {config, clock_, [] { return 0.5; }, metrics_, logger_};
  }

  gateway::ResilienceConfig config;

 private:
  const Clock& clock_;
  Metrics& metrics_;
  Logger& logger_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_GUARD_FIXTURE_H_
