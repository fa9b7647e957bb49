#include "services/order/settlement_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scaleout::order {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

SettlementConfig Load(Environment& env) {
  SettlementConfig config;
  Settings settings(env);
  DeclareSettlementSettings(settings, config);
  return config;
}

TEST(SettlementConfig, WaitsAMinuteForAnEventByDefault) {
  Environment env({}, {"ORDER_"});
  const SettlementConfig config = Load(env);
  EXPECT_TRUE(env.Check().ok()) << env.Check();
  EXPECT_EQ(config.settle_after, 60s);
  EXPECT_EQ(config.payment_target, "dns:///localhost:50053");
}

TEST(SettlementConfig, ReadsWhereThePaymentServiceIsAndWhenItIsAsked) {
  Environment env({{"ORDER_PAYMENT_TARGET", "unix:/run/payment"}, {"ORDER_SETTLE_AFTER", "2s"}},
                  {"ORDER_"});
  const SettlementConfig config = Load(env);
  EXPECT_TRUE(env.Check().ok()) << env.Check();
  EXPECT_EQ(config.settle_after, 2s);
  EXPECT_EQ(config.payment_target, "unix:/run/payment");
}

TEST(SettlementConfig, RefusesTimesBeyondItsLimits) {
  for (const char* wrong : {"99ms", "3601s", "soon"}) {
    Environment env({{"ORDER_SETTLE_AFTER", wrong}}, {"ORDER_"});
    Load(env);
    EXPECT_THAT(std::string(env.Check().message()), HasSubstr("ORDER_SETTLE_AFTER"));
  }
}

}  // namespace
}  // namespace scaleout::order
