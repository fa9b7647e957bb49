#include "gateway/resilience/resilience_config.h"

#include <chrono>
#include <cstdint>
#include <string_view>

#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongest = std::chrono::hours(1);
constexpr std::int64_t kMost = 1'000'000;

Duration ReadDuration(Environment& env, std::string_view name, Duration default_value,
                      milliseconds min = milliseconds(1)) {
  return env.Milliseconds(name, std::chrono::duration_cast<milliseconds>(default_value), min,
                          kLongest);
}

int ReadCount(Environment& env, std::string_view name, int default_value, int min) {
  return static_cast<int>(env.Int(name, default_value, min, kMost));
}

template <typename T>
void CheckOrder(Environment& env, std::string_view lesser, T low, std::string_view greater,
                T high) {
  if (low > high) env.AddProblem(StrCat(lesser, " is greater than ", greater));
}

CircuitBreakerConfig LoadBreaker(Environment& env) {
  CircuitBreakerConfig config;
  config.sliding_window = ReadDuration(env, "GATEWAY_BREAKER_WINDOW", config.sliding_window,
                                       milliseconds(config.sliding_window_buckets));
  config.minimum_calls = ReadCount(env, "GATEWAY_BREAKER_MINIMUM_CALLS", config.minimum_calls, 1);
  config.failure_rate_threshold =
      env.Double("GATEWAY_BREAKER_FAILURE_RATE", config.failure_rate_threshold, 0.01, 1);
  config.slow_call_rate_threshold =
      env.Double("GATEWAY_BREAKER_SLOW_CALL_RATE", config.slow_call_rate_threshold, 0.01, 1);
  config.slow_call_duration =
      ReadDuration(env, "GATEWAY_BREAKER_SLOW_CALL_DURATION", config.slow_call_duration);
  config.open_wait = ReadDuration(env, "GATEWAY_BREAKER_OPEN_WAIT", config.open_wait);
  config.open_wait_max = ReadDuration(env, "GATEWAY_BREAKER_OPEN_WAIT_MAX", config.open_wait_max);
  config.open_wait_jitter =
      env.Double("GATEWAY_BREAKER_OPEN_WAIT_JITTER", config.open_wait_jitter, 0, 0.9);
  config.half_open_permits =
      ReadCount(env, "GATEWAY_BREAKER_HALF_OPEN_CALLS", config.half_open_permits, 1);
  config.half_open_max = ReadDuration(env, "GATEWAY_BREAKER_HALF_OPEN_MAX", config.half_open_max);
  CheckOrder(env, "GATEWAY_BREAKER_OPEN_WAIT", config.open_wait, "GATEWAY_BREAKER_OPEN_WAIT_MAX",
             config.open_wait_max);
  return config;
}

RetryPolicyConfig LoadRetry(Environment& env) {
  RetryPolicyConfig config;
  config.max_attempts = ReadCount(env, "GATEWAY_RETRY_MAX_ATTEMPTS", config.max_attempts, 1);
  config.backoff = ReadDuration(env, "GATEWAY_RETRY_BACKOFF", config.backoff);
  config.backoff_max = ReadDuration(env, "GATEWAY_RETRY_BACKOFF_MAX", config.backoff_max);
  CheckOrder(env, "GATEWAY_RETRY_BACKOFF", config.backoff, "GATEWAY_RETRY_BACKOFF_MAX",
             config.backoff_max);
  return config;
}

RetryBudgetConfig LoadRetryBudget(Environment& env) {
  RetryBudgetConfig config;
  config.ratio = env.Double("GATEWAY_RETRY_BUDGET_RATIO", config.ratio, 0, 1);
  config.floor_per_second =
      ReadCount(env, "GATEWAY_RETRY_BUDGET_FLOOR", config.floor_per_second, 0);
  return config;
}

ConcurrencyLimiterConfig LoadLimiter(Environment& env) {
  ConcurrencyLimiterConfig config;
  config.initial_limit = ReadCount(env, "GATEWAY_LIMITER_INITIAL", config.initial_limit, 1);
  config.min_limit = ReadCount(env, "GATEWAY_LIMITER_MIN", config.min_limit, 1);
  config.max_limit = ReadCount(env, "GATEWAY_LIMITER_MAX", config.max_limit, 1);
  config.tolerated_queueing =
      ReadDuration(env, "GATEWAY_LIMITER_TOLERATED_QUEUEING", config.tolerated_queueing);
  config.tolerated_lag = ReadDuration(env, "GATEWAY_LIMITER_TOLERATED_LAG", config.tolerated_lag);
  CheckOrder(env, "GATEWAY_LIMITER_MIN", config.min_limit, "GATEWAY_LIMITER_INITIAL",
             config.initial_limit);
  CheckOrder(env, "GATEWAY_LIMITER_INITIAL", config.initial_limit, "GATEWAY_LIMITER_MAX",
             config.max_limit);
  return config;
}

}  // namespace

ResilienceConfig LoadResilienceConfig(Environment& env) {
  ResilienceConfig config;
  config.plain_calls = env.Switch("LAB_PLAIN_CALLS", config.plain_calls);
  config.breaker = LoadBreaker(env);
  config.retry = LoadRetry(env);
  config.retry_budget = LoadRetryBudget(env);
  config.attempt_timeout = ReadDuration(env, "GATEWAY_ATTEMPT_TIMEOUT", config.attempt_timeout);
  config.bulkhead.max_concurrent_calls =
      ReadCount(env, "GATEWAY_BULKHEAD_MAX_CALLS", config.bulkhead.max_concurrent_calls, 1);
  config.limiter = LoadLimiter(env);
  return config;
}

}  // namespace scaleout::gateway
