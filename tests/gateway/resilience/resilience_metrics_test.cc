#include "gateway/resilience/resilience_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

using ::scaleout::testing::FakeClock;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ResilienceMetrics, ShowABreakersStateCallsTransitionsAndRatios) {
  FakeClock clock;
  CircuitBreaker breaker(
      CircuitBreakerConfig(), clock, [] { return 0.5; }, nullptr);
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  DescribeCircuitBreaker(*metrics, "payment", breaker);
  for (int i = 0; i < 20; ++i) {
    breaker.Acquire().permit->Finish(i < 5 ? CallOutcome::kSuccess : CallOutcome::kFailure);
  }
  breaker.Acquire();

  const std::string text = metrics->RenderPrometheus();
  for (const char* line : {
           "gateway_circuit_breaker_state{backend=\"payment\",state=\"OPEN\"} 1\n",
           "gateway_circuit_breaker_state{backend=\"payment\",state=\"CLOSED\"} 0\n",
           "gateway_circuit_breaker_calls_total{backend=\"payment\",kind=\"successful\"} 5\n",
           "gateway_circuit_breaker_calls_total{backend=\"payment\",kind=\"failed\"} 15\n",
           "gateway_circuit_breaker_calls_total{backend=\"payment\",kind=\"ignored\"} 0\n",
           "gateway_circuit_breaker_calls_total{backend=\"payment\",kind=\"not_permitted\"} 1\n",
           "gateway_circuit_breaker_transitions_total{backend=\"payment\",from=\"CLOSED\","
           "to=\"OPEN\"} 1\n",
           "gateway_circuit_breaker_failure_ratio{backend=\"payment\"} 0.75\n",
           "gateway_circuit_breaker_slow_call_ratio{backend=\"payment\"} 0\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("from=\"CLOSED\",to=\"HALF_OPEN\"")));
}

TEST(ResilienceMetrics, ShowWhatBulkheadBudgetAndLimiterHold) {
  FakeClock clock;
  Bulkhead bulkhead(BulkheadConfig{1});
  RetryBudget budget(RetryBudgetConfig(), clock);
  ConcurrencyLimiter limiter(ConcurrencyLimiterConfig(), 1, 1, clock);
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  DescribeBulkhead(*metrics, "user", bulkhead);
  DescribeRetryBudget(*metrics, "user", budget);
  DescribeConcurrencyLimiter(*metrics, limiter);

  const std::optional<BulkheadPermit> call = bulkhead.TryAcquire();
  EXPECT_FALSE(bulkhead.TryAcquire());
  while (budget.TryWithdraw()) {
  }
  const std::optional<ConcurrencyPermit> request = limiter.TryAcquire(0);

  const std::string text = metrics->RenderPrometheus();
  for (const char* line : {
           "gateway_bulkhead_in_flight{backend=\"user\"} 1\n",
           "gateway_bulkhead_max_concurrent_calls{backend=\"user\"} 1\n",
           "gateway_bulkhead_rejected_total{backend=\"user\"} 1\n",
           "gateway_retry_budget_available{backend=\"user\"} 0\n",
           "gateway_retry_budget_exhausted_total{backend=\"user\"} 1\n",
           "gateway_concurrency_limit 256\n",
           "gateway_concurrency_in_flight 1\n",
           "gateway_concurrency_admitted_total 1\n",
           "gateway_concurrency_rejected_total 0\n",
           "gateway_concurrency_latency_gradient 1\n",
           "gateway_concurrency_lag_gradient 1\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace scaleout::gateway
