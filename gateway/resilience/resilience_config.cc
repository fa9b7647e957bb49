#include "gateway/resilience/resilience_config.h"

#include <chrono>
#include <cstdint>
#include <string_view>

#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kLongest = 1h;
constexpr std::int64_t kMost = 1'000'000;

template <typename T>
void CheckOrder(Settings& settings, std::string_view lesser, T low, std::string_view greater,
                T high) {
  if (low > high) settings.AddProblem(StrCat(lesser, " is greater than ", greater));
}

void DeclareBreaker(Settings& settings, CircuitBreakerConfig& config) {
  settings.Group("Circuit breaker");
  settings.Milliseconds("GATEWAY_BREAKER_WINDOW", config.sliding_window,
                        milliseconds(config.sliding_window_buckets), kLongest,
                        "the sliding window, in ten buckets; it remembers between 9 and 10 tenths "
                        "of that");
  settings.Int("GATEWAY_BREAKER_MINIMUM_CALLS", config.minimum_calls, 1, kMost,
               "fewer calls in the window decide nothing");
  settings.Double("GATEWAY_BREAKER_FAILURE_RATE", config.failure_rate_threshold, 0.01, 1,
                  "failed calls among the counted; reached is enough");
  settings.Double("GATEWAY_BREAKER_SLOW_CALL_RATE", config.slow_call_rate_threshold, 0.01, 1,
                  "slow calls among the counted");
  settings.Milliseconds("GATEWAY_BREAKER_SLOW_CALL_DURATION", config.slow_call_duration, 1ms,
                        kLongest, "a call that takes longer is slow");
  settings.Milliseconds("GATEWAY_BREAKER_OPEN_WAIT", config.open_wait, 1ms, kLongest,
                        "the first wait in OPEN; it doubles with each HALF_OPEN that fails and "
                        "starts again after a close");
  settings.Milliseconds("GATEWAY_BREAKER_OPEN_WAIT_MAX", config.open_wait_max, 1ms, kLongest,
                        "no wait is longer, jitter included");
  settings.Double("GATEWAY_BREAKER_OPEN_WAIT_JITTER", config.open_wait_jitter, 0, 0.9,
                  "the wait is uniform within this share of it, up and down");
  settings.Int("GATEWAY_BREAKER_HALF_OPEN_CALLS", config.half_open_permits, 1, kMost,
               "calls that pass in HALF_OPEN, to probe");
  settings.Milliseconds("GATEWAY_BREAKER_HALF_OPEN_MAX", config.half_open_max, 1ms, kLongest,
                        "HALF_OPEN never lasts longer");
  CheckOrder(settings, "GATEWAY_BREAKER_OPEN_WAIT", config.open_wait,
             "GATEWAY_BREAKER_OPEN_WAIT_MAX", config.open_wait_max);
}

void DeclareRetry(Settings& settings, ResilienceConfig& config) {
  settings.Group("Attempts and retries");
  settings.Milliseconds("GATEWAY_ATTEMPT_TIMEOUT", config.attempt_timeout, 1ms, kLongest,
                        "how long one attempt may take, within the call's deadline");
  settings.Int("GATEWAY_RETRY_MAX_ATTEMPTS", config.retry.max_attempts, 1, kMost,
               "the first one included; 1 is off");
  settings.Milliseconds("GATEWAY_RETRY_BACKOFF", config.retry.backoff, 1ms, kLongest,
                        "the bound of the first pause, which is random below it");
  settings.Milliseconds("GATEWAY_RETRY_BACKOFF_MAX", config.retry.backoff_max, 1ms, kLongest,
                        "the bound doubles with each attempt, up to this");
  settings.Double("GATEWAY_RETRY_BUDGET_RATIO", config.retry_budget.ratio, 0, 1,
                  "retries per call, over the last 10 s");
  settings.Int("GATEWAY_RETRY_BUDGET_FLOOR", config.retry_budget.floor_per_second, 0, kMost,
               "retries a second that are free");
  CheckOrder(settings, "GATEWAY_RETRY_BACKOFF", config.retry.backoff, "GATEWAY_RETRY_BACKOFF_MAX",
             config.retry.backoff_max);
}

void DeclareLimiter(Settings& settings, ConcurrencyLimiterConfig& config) {
  settings.Group("Load shedding");
  settings.Int("GATEWAY_LIMITER_INITIAL", config.initial_limit, 1, kMost,
               "the limit on requests in flight in an instance, at the start");
  settings.Int("GATEWAY_LIMITER_MIN", config.min_limit, 1, kMost, "the limit is never lower");
  settings.Int("GATEWAY_LIMITER_MAX", config.max_limit, 1, kMost,
               "the limit is never higher; all three equal make a fixed limit");
  settings.Milliseconds("GATEWAY_LIMITER_TOLERATED_QUEUEING", config.tolerated_queueing, 1ms,
                        kLongest, "how much longer than usual a request may take");
  settings.Milliseconds("GATEWAY_LIMITER_TOLERATED_LAG", config.tolerated_lag, 1ms, kLongest,
                        "how late a loop may be for long");
  CheckOrder(settings, "GATEWAY_LIMITER_MIN", config.min_limit, "GATEWAY_LIMITER_INITIAL",
             config.initial_limit);
  CheckOrder(settings, "GATEWAY_LIMITER_INITIAL", config.initial_limit, "GATEWAY_LIMITER_MAX",
             config.max_limit);
}

}  // namespace

void DeclareResilienceSettings(Settings& settings, ResilienceConfig& config) {
  DeclareBreaker(settings, config.breaker);
  DeclareRetry(settings, config);
  settings.Group("Bulkhead");
  settings.Int("GATEWAY_BULKHEAD_MAX_CALLS", config.bulkhead.max_concurrent_calls, 1, kMost,
               "calls to one backend in flight; nothing waits for a place");
  DeclareLimiter(settings, config.limiter);
}

}  // namespace scaleout::gateway
