#include "gateway/resilience/resilience_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;

ResilienceConfig Load(Environment& env) {
  ResilienceConfig config;
  Settings settings(env);
  DeclareResilienceSettings(settings, config);
  return config;
}

TEST(ResilienceConfig, HasTheProductsDefaults) {
  Environment env({}, {"GATEWAY_"});
  const ResilienceConfig config = Load(env);
  EXPECT_TRUE(env.Check().ok());
  EXPECT_EQ(config.breaker.sliding_window, seconds(10));
  EXPECT_EQ(config.breaker.minimum_calls, 20);
  EXPECT_EQ(config.breaker.failure_rate_threshold, 0.5);
  EXPECT_EQ(config.breaker.slow_call_rate_threshold, 0.8);
  EXPECT_EQ(config.breaker.slow_call_duration, seconds(1));
  EXPECT_EQ(config.breaker.open_wait, seconds(5));
  EXPECT_EQ(config.breaker.open_wait_max, seconds(60));
  EXPECT_EQ(config.breaker.open_wait_jitter, 0.2);
  EXPECT_EQ(config.breaker.half_open_permits, 3);
  EXPECT_EQ(config.breaker.half_open_max, seconds(10));
  EXPECT_EQ(config.retry.max_attempts, 3);
  EXPECT_EQ(config.retry.backoff, milliseconds(25));
  EXPECT_EQ(config.retry.backoff_max, milliseconds(250));
  EXPECT_EQ(config.retry_budget.ratio, 0.2);
  EXPECT_EQ(config.retry_budget.floor_per_second, 3);
  EXPECT_EQ(config.attempt_timeout, seconds(2));
  EXPECT_EQ(config.bulkhead.max_concurrent_calls, 256);
  EXPECT_EQ(config.limiter.initial_limit, 256);
  EXPECT_EQ(config.limiter.min_limit, 4);
  EXPECT_EQ(config.limiter.max_limit, 1024);
  EXPECT_EQ(config.limiter.tolerated_queueing, milliseconds(100));
  EXPECT_EQ(config.limiter.tolerated_lag, milliseconds(25));
}

TEST(ResilienceConfig, ReadsEveryVariable) {
  Environment env({{"GATEWAY_BREAKER_WINDOW", "20s"},
                   {"GATEWAY_BREAKER_MINIMUM_CALLS", "5"},
                   {"GATEWAY_BREAKER_FAILURE_RATE", "0.25"},
                   {"GATEWAY_BREAKER_SLOW_CALL_RATE", "0.75"},
                   {"GATEWAY_BREAKER_SLOW_CALL_DURATION", "250ms"},
                   {"GATEWAY_BREAKER_OPEN_WAIT", "1s"},
                   {"GATEWAY_BREAKER_OPEN_WAIT_MAX", "2m"},
                   {"GATEWAY_BREAKER_OPEN_WAIT_JITTER", "0"},
                   {"GATEWAY_BREAKER_HALF_OPEN_CALLS", "7"},
                   {"GATEWAY_BREAKER_HALF_OPEN_MAX", "4s"},
                   {"GATEWAY_RETRY_MAX_ATTEMPTS", "1"},
                   {"GATEWAY_RETRY_BACKOFF", "10ms"},
                   {"GATEWAY_RETRY_BACKOFF_MAX", "20ms"},
                   {"GATEWAY_RETRY_BUDGET_RATIO", "0.1"},
                   {"GATEWAY_RETRY_BUDGET_FLOOR", "0"},
                   {"GATEWAY_ATTEMPT_TIMEOUT", "750ms"},
                   {"GATEWAY_BULKHEAD_MAX_CALLS", "8"},
                   {"GATEWAY_LIMITER_INITIAL", "30"},
                   {"GATEWAY_LIMITER_MIN", "20"},
                   {"GATEWAY_LIMITER_MAX", "40"},
                   {"GATEWAY_LIMITER_TOLERATED_QUEUEING", "50ms"},
                   {"GATEWAY_LIMITER_TOLERATED_LAG", "35ms"}},
                  {"GATEWAY_"});
  const ResilienceConfig config = Load(env);
  EXPECT_TRUE(env.Check().ok()) << env.Check();
  EXPECT_EQ(config.breaker.sliding_window, seconds(20));
  EXPECT_EQ(config.breaker.minimum_calls, 5);
  EXPECT_EQ(config.breaker.failure_rate_threshold, 0.25);
  EXPECT_EQ(config.breaker.slow_call_rate_threshold, 0.75);
  EXPECT_EQ(config.breaker.slow_call_duration, milliseconds(250));
  EXPECT_EQ(config.breaker.open_wait, seconds(1));
  EXPECT_EQ(config.breaker.open_wait_max, minutes(2));
  EXPECT_EQ(config.breaker.open_wait_jitter, 0);
  EXPECT_EQ(config.breaker.half_open_permits, 7);
  EXPECT_EQ(config.breaker.half_open_max, seconds(4));
  EXPECT_EQ(config.retry.max_attempts, 1);
  EXPECT_EQ(config.retry.backoff, milliseconds(10));
  EXPECT_EQ(config.retry.backoff_max, milliseconds(20));
  EXPECT_EQ(config.retry_budget.ratio, 0.1);
  EXPECT_EQ(config.retry_budget.floor_per_second, 0);
  EXPECT_EQ(config.attempt_timeout, milliseconds(750));
  EXPECT_EQ(config.bulkhead.max_concurrent_calls, 8);
  EXPECT_EQ(config.limiter.initial_limit, 30);
  EXPECT_EQ(config.limiter.min_limit, 20);
  EXPECT_EQ(config.limiter.max_limit, 40);
  EXPECT_EQ(config.limiter.tolerated_queueing, milliseconds(50));
  EXPECT_EQ(config.limiter.tolerated_lag, milliseconds(35));
}

TEST(ResilienceConfig, ListsEveryValueThatIsOutOfRange) {
  Environment env({{"GATEWAY_BREAKER_MINIMUM_CALLS", "0"},
                   {"GATEWAY_BREAKER_FAILURE_RATE", "50"},
                   {"GATEWAY_BREAKER_HALF_OPEN_MAX", "0s"},
                   {"GATEWAY_BULKHEAD_MAX_CALLS", "none"}},
                  {"GATEWAY_"});
  Load(env);
  const std::string problems = env.Check().ToString();
  for (const char* name : {"GATEWAY_BREAKER_MINIMUM_CALLS", "GATEWAY_BREAKER_FAILURE_RATE",
                           "GATEWAY_BREAKER_HALF_OPEN_MAX", "GATEWAY_BULKHEAD_MAX_CALLS"}) {
    EXPECT_THAT(problems, HasSubstr(name));
  }
}

TEST(ResilienceConfig, ListsValuesThatContradictEachOther) {
  Environment env({{"GATEWAY_BREAKER_OPEN_WAIT", "2m"},
                   {"GATEWAY_RETRY_BACKOFF", "1s"},
                   {"GATEWAY_LIMITER_MIN", "300"},
                   {"GATEWAY_LIMITER_MAX", "200"}},
                  {"GATEWAY_"});
  Load(env);
  const std::string problems = env.Check().ToString();
  for (const char* problem :
       {"GATEWAY_BREAKER_OPEN_WAIT is greater than GATEWAY_BREAKER_OPEN_WAIT_MAX",
        "GATEWAY_RETRY_BACKOFF is greater than GATEWAY_RETRY_BACKOFF_MAX",
        "GATEWAY_LIMITER_MIN is greater than GATEWAY_LIMITER_INITIAL",
        "GATEWAY_LIMITER_INITIAL is greater than GATEWAY_LIMITER_MAX"}) {
    EXPECT_THAT(problems, HasSubstr(problem));
  }
}

}  // namespace
}  // namespace scaleout::gateway
