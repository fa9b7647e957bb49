#include "gateway/backends/coalescer_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "common/env.h"
#include "common/settings.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;

absl::Status Load(EnvironmentMap variables, CoalescerConfig& config) {
  Environment env(std::move(variables), {"COALESCE"});
  Settings settings(env);
  DeclareCoalescerSettings(settings, config);
  return env.Check();
}

TEST(CoalescerConfigTest, HasThePolicyOfTheProduct) {
  CoalescerConfig config;
  ASSERT_TRUE(Load({}, config).ok());
  EXPECT_TRUE(config.on);
  EXPECT_EQ(config.max_keys, 64U);
  EXPECT_EQ(config.max_in_flight, 8U);
  EXPECT_EQ(config.eager_keys, 48U);
  EXPECT_EQ(config.max_wait, std::chrono::microseconds(300));
}

TEST(CoalescerConfigTest, TakesEverySettingFromTheEnvironment) {
  CoalescerConfig config;
  ASSERT_TRUE(Load({{"COALESCE", "off"},
                    {"COALESCE_MAX_KEYS", "32"},
                    {"COALESCE_MAX_IN_FLIGHT", "4"},
                    {"COALESCE_EAGER_KEYS", "16"},
                    {"COALESCE_MAX_WAIT_US", "500"},
                    {"COALESCE_MAX_WAITING", "100"}},
                   config)
                  .ok());
  EXPECT_FALSE(config.on);
  EXPECT_EQ(config.max_keys, 32U);
  EXPECT_EQ(config.max_in_flight, 4U);
  EXPECT_EQ(config.eager_keys, 16U);
  EXPECT_EQ(config.max_wait, std::chrono::microseconds(500));
  EXPECT_EQ(config.max_waiting, 100);
}

TEST(CoalescerConfigTest, RefusesMoreKeysThanTheContractsAllow) {
  CoalescerConfig config;
  EXPECT_THAT(std::string(Load({{"COALESCE_MAX_KEYS", "65"}}, config).message()),
              HasSubstr("COALESCE_MAX_KEYS"));
}

// A user who wants smaller batches need not know of the other setting.
TEST(CoalescerConfigTest, AllowsBatchesThatAreSmallerThanTheEagerKeys) {
  CoalescerConfig config;
  EXPECT_TRUE(Load({{"COALESCE_MAX_KEYS", "8"}}, config).ok());
}

}  // namespace
}  // namespace scaleout::gateway
