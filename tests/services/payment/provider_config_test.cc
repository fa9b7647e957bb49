#include "services/payment/provider_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace scaleout::payment {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

ProviderConfig Load(Environment& env) {
  ProviderConfig config;
  Settings settings(env);
  DeclareProviderSettings(settings, config);
  return config;
}

TEST(ProviderConfig, HasDefaultsThatHoldTogether) {
  Environment env({}, {"PROVIDER_"});
  const ProviderConfig config = Load(env);
  EXPECT_TRUE(env.Check().ok()) << env.Check();
  EXPECT_EQ(config.provider.latency, 20ms);
  EXPECT_EQ(config.provider.failure_rate, 0);
  EXPECT_GT(config.times.lease, config.provider.timeout);
  EXPECT_EQ(config.times.settle_after, 5s);
  EXPECT_EQ(config.max_calls_per_token(), 16);
}

TEST(ProviderConfig, RefusesALeaseThatACallCanOutlive) {
  Environment env({{"PROVIDER_TIMEOUT", "10s"}}, {"PROVIDER_"});
  Load(env);
  EXPECT_THAT(std::string(env.Check().message()),
              HasSubstr("PROVIDER_LEASE: must be at least 12000ms"));
}

TEST(ProviderConfig, AcceptsTheShortestLeaseThatACallCannotOutlive) {
  Environment env({{"PROVIDER_TIMEOUT", "1s"}, {"PROVIDER_LEASE", "3s"}}, {"PROVIDER_"});
  EXPECT_EQ(Load(env).times.lease, 3s);
  EXPECT_TRUE(env.Check().ok()) << env.Check();
}

TEST(ProviderConfig, APaymentMethodHasHalfOfTheThreadsAtMost) {
  for (const auto& [threads, share] : {std::pair("2", 1), std::pair("3", 1), std::pair("9", 4)}) {
    Environment env({{"PROVIDER_THREADS", threads}}, {"PROVIDER_"});
    EXPECT_EQ(Load(env).max_calls_per_token(), share);
    EXPECT_TRUE(env.Check().ok()) << env.Check();
  }
  Environment env({{"PROVIDER_THREADS", "1"}}, {"PROVIDER_"});
  Load(env);
  EXPECT_THAT(std::string(env.Check().message()), HasSubstr("PROVIDER_THREADS"));
}

// The containers' pids limit is 512, and about 80 threads do other work.
TEST(ProviderConfig, TheMostThreadsFitIntoAContainer) {
  Environment env({{"PROVIDER_THREADS", "64"}}, {"PROVIDER_"});
  const ProviderConfig config = Load(env);
  EXPECT_LE(config.threads + 2 * config.sweeper_threads(), 512 - 80);
  Environment more({{"PROVIDER_THREADS", "65"}}, {"PROVIDER_"});
  Load(more);
  EXPECT_FALSE(more.Check().ok());
}

TEST(ProviderConfig, AsksAboutAChargeAgainWhenTheAnswerMustHaveCome) {
  Environment soon({}, {"PROVIDER_"});
  EXPECT_EQ(Load(soon).charge_times().ask_again_after, 5s);
  Environment late({{"PROVIDER_TIMEOUT", "10s"}, {"PROVIDER_LEASE", "12s"}}, {"PROVIDER_"});
  const ChargeTimes times = Load(late).charge_times();
  EXPECT_TRUE(late.Check().ok()) << late.Check();
  EXPECT_EQ(times.ask_again_after, 20s);
  EXPECT_EQ(times.settle_after, 5s);
}

TEST(ProviderConfig, ExplainsEveryVariableThatItReads) {
  EnvironmentMap everything;
  for (const Setting& setting : ListSettings(DeclareProviderSettings)) {
    everything.emplace(setting.name, setting.default_value);
  }
  Environment env(everything, {"PROVIDER_"});
  Load(env);
  EXPECT_TRUE(env.Check().ok()) << env.Check();
}

}  // namespace
}  // namespace scaleout::payment
