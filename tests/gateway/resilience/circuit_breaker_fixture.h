// A breaker over a clock and random numbers of the test, and the transitions it reported. Used by
// one thread.
#ifndef SCALEOUT_TESTS_GATEWAY_RESILIENCE_CIRCUIT_BREAKER_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_RESILIENCE_CIRCUIT_BREAKER_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

#include "gateway/resilience/circuit_breaker.h"
#include "tests/support/fake_clock.h"

namespace scaleout::gateway {

class CircuitBreakerTest : public ::testing::Test {
 protected:
  // Ends one call with `outcome` after `took`; false if it was not permitted.
  bool Call(CallOutcome outcome, Duration took = std::chrono::milliseconds(1)) {
    CircuitDecision decision = breaker_.Acquire();
    if (!decision.permit) return false;
    clock_.Advance(took);
    decision.permit->Finish(outcome);
    return true;
  }
  void Calls(int count, CallOutcome outcome, Duration took = std::chrono::milliseconds(1)) {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(Call(outcome, took)) << i;
  }
  CircuitPermit Permit() {
    CircuitDecision decision = breaker_.Acquire();
    EXPECT_TRUE(decision.permit.has_value());
    return std::move(*decision.permit);
  }

  void GoTo(CircuitState state) {
    switch (state) {
      case CircuitState::kClosed:
        break;
      case CircuitState::kOpen:
        Calls(20, CallOutcome::kFailure);
        break;
      case CircuitState::kHalfOpen:
        GoTo(CircuitState::kOpen);
        clock_.Advance(breaker_.Snapshot().retry_after);
        Permit().Finish(CallOutcome::kIgnored);
        break;
      case CircuitState::kDisabled:
        breaker_.Disable();
        break;
      case CircuitState::kForcedOpen:
        breaker_.ForceOpen();
        break;
    }
    ASSERT_EQ(breaker_.state(), state);
  }

  testing::FakeClock clock_;
  double random_ = 0.5;
  std::vector<CircuitTransition> transitions_;
  CircuitBreaker breaker_{CircuitBreakerConfig(), clock_, [this] { return random_; },
                          [this](const CircuitTransition& t) { transitions_.push_back(t); }};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_TESTS_GATEWAY_RESILIENCE_CIRCUIT_BREAKER_FIXTURE_H_
