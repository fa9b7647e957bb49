#include "gateway/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <utility>

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// "GATEWAY_USER_TARGET" for "user".
std::string TargetOf(std::string_view backend) {
  std::string name(backend);
  for (char& c : name) c = static_cast<char>(c - 'a' + 'A');
  return "GATEWAY_" + name + "_TARGET";
}

absl::StatusOr<GatewayConfig> Load(EnvironmentMap variables) {
  for (const std::string_view name : kBackendNames) variables[TargetOf(name)] = "unix:/nowhere";
  variables.emplace("AUTH_MODE", "optional");
  return LoadGatewayConfig(std::move(variables));
}

TEST(GatewayConfig, ListensOnOneOrSeveralAddresses) {
  EXPECT_THAT(Load({})->listen, ElementsAre("127.0.0.1:8081"));
  EXPECT_THAT(Load({{"GATEWAY_LISTEN", "0.0.0.0:80,[::1]:80,unix:/run/x.sock"}})->listen,
              ElementsAre("0.0.0.0:80", "[::1]:80", "unix:/run/x.sock"));
}

TEST(GatewayConfig, NamesAListOfAddressesThatIsNone) {
  for (const char* listen : {"here", "127.0.0.1:1,", ",127.0.0.1:1", "127.0.0.1:1,here",
                             "127.0.0.1:1, 127.0.0.1:2", "unix:relative", "unix:/a,unix:/a"}) {
    const absl::StatusOr<GatewayConfig> config = Load({{"GATEWAY_LISTEN", listen}});
    ASSERT_FALSE(config.ok()) << listen;
    EXPECT_THAT(std::string(config.status().message()),
                HasSubstr(std::string("GATEWAY_LISTEN=") + listen + ":"));
  }
}

TEST(GatewayConfig, InheritsDescriptors) {
  EXPECT_THAT(Load({})->listen_fds, ElementsAre());
  EXPECT_THAT(Load({{"GATEWAY_LISTEN_FDS", "7,5"}})->listen_fds, ElementsAre(7, 5));
}

TEST(GatewayConfig, NamesDescriptorsThatAreNone) {
  for (const char* fds : {"2", "5,5", ",", "-1", "5,x", "99999999999"}) {
    const absl::StatusOr<GatewayConfig> config = Load({{"GATEWAY_LISTEN_FDS", fds}});
    ASSERT_FALSE(config.ok()) << fds;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr("GATEWAY_LISTEN_FDS"));
  }
}

TEST(GatewayConfig, AsksForTheTargetOfEachBackendOfTheTable) {
  EnvironmentMap variables{{"AUTH_MODE", "optional"}};
  for (const std::string_view name : kBackendNames) {
    variables[TargetOf(name)] = "unix:/" + std::string(name);
  }
  const absl::StatusOr<GatewayConfig> config = LoadGatewayConfig(std::move(variables));
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->backends.size(), std::size(kBackendNames));
  for (std::size_t i = 0; i < config->backends.size(); ++i) {
    EXPECT_EQ(config->backends[i].name, kBackendNames[i]);
    EXPECT_EQ(config->backends[i].target, "unix:/" + config->backends[i].name);
  }
}

TEST(GatewayConfig, AProblemDoesNotShowWhatAFileHolds) {
  const std::string path = ::testing::TempDir() + "gateway_config_listen";
  std::ofstream(path) << "hunter2";
  const absl::StatusOr<GatewayConfig> config = Load({{"GATEWAY_LISTEN_FILE", path}});
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("GATEWAY_LISTEN (from"));
  EXPECT_THAT(std::string(config.status().message()), Not(HasSubstr("hunter2")));
}

TEST(GatewayConfig, HelpNamesTheTargetOfEachBackend) {
  for (const std::string_view name : kBackendNames) {
    EXPECT_THAT(MakeGatewayHelp().text, HasSubstr("\n  " + TargetOf(name) + " "));
  }
}

TEST(GatewayConfig, AWorkersIdSaysWhichItIs) {
  EXPECT_EQ(Load({{"GATEWAY_INSTANCE_ID", "a"}, {"GATEWAY_WORKER", "2"}})->instance_id, "a-w2");
}

TEST(GatewayConfig, ListsEveryProblemAtOnce) {
  const absl::StatusOr<GatewayConfig> config = LoadGatewayConfig(
      {{"GATEWAY_LISTEN", "here"}, {"GATEWAY_LOOPS", "many"}, {"GATEWAY_LISTN", "x"}});
  ASSERT_FALSE(config.ok());
  const std::string message(config.status().message());
  for (const char* name : {"GATEWAY_LISTEN=here", "GATEWAY_LOOPS", "GATEWAY_LISTN",
                           "GATEWAY_USER_TARGET", "AUTH_PUBLIC_KEYS"}) {
    EXPECT_THAT(message, HasSubstr(name));
  }
}

TEST(GatewayConfig, KnowsEveryVariableThatHelpLists) {
  EnvironmentMap everything;
  for (const Setting& setting : ListSettings(DeclareGatewaySettings)) {
    everything[setting.name] = setting.required ? "unix:/nowhere" : setting.default_value;
  }
  everything["AUTH_MODE"] = "optional";  // it has no keys
  const absl::StatusOr<GatewayConfig> config = LoadGatewayConfig(everything);
  EXPECT_TRUE(config.ok()) << config.status();
}

TEST(GatewayConfig, HelpNamesEverySettingWithItsDefault) {
  const std::string help = MakeGatewayHelp().text;
  for (const char* words :
       {"Usage: api-gateway [--workers N]", "GATEWAY_BREAKER_OPEN_WAIT_MAX       1m ",
        "GATEWAY_RETRY_BUDGET_RATIO          0.2 ", "GATEWAY_BULKHEAD_MAX_CALLS          256 ",
        "GATEWAY_LIMITER_TOLERATED_QUEUEING  100ms ",
        "GATEWAY_INSTANCE_ID                 host name ",
        "GATEWAY_USER_TARGET                 required ",
        "GATEWAY_MAX_HEAD_BYTES              16KiB ", "LAB_ENDPOINTS                       off "}) {
    EXPECT_THAT(help, HasSubstr(words));
  }
}

TEST(GatewayConfig, FaultsAreThoseOfItsOwnPointsAndOfTheLab) {
  const absl::StatusOr<GatewayConfig> config =
      Load({{"LAB_FAULTS", "on"}, {"FAULT", "after_reserve:exit"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->faults.armed,
              ElementsAre(ArmedFault{"after_reserve", FaultAction::kExit, 1}));
  EXPECT_FALSE(Load({{"LAB_FAULTS", "on"}, {"FAULT", "after_charge:exit"}}).ok());
  EXPECT_FALSE(Load({{"FAULT", "after_reserve:exit"}}).ok());
}

TEST(GatewayConfig, UnknownVariablesOfEachOfItsPrefixesAreProblems) {
  for (const char* name : {"GATEWAY_LOPS", "LAB_ENDPOINT", "LOOP_ABORT"}) {
    const absl::StatusOr<GatewayConfig> config = Load({{name, "1"}});
    ASSERT_FALSE(config.ok()) << name;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr("unknown variable"));
  }
}

}  // namespace
}  // namespace scaleout::gateway
