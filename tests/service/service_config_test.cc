#include "service/service_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

EnvironmentMap Minimal() { return {{"DB_CONNINFO", "host=x"}}; }

std::string Problems(EnvironmentMap variables) {
  Environment env(std::move(variables), {"SERVICE_", "DB_", "LAB_"});
  Settings settings(env);
  LoadServiceConfig(settings, "user-service");
  return std::string(env.Check().message());
}

TEST(ServiceConfig, NeedsOnlyItsDatabase) {
  Environment env(Minimal(), {"SERVICE_", "DB_", "LAB_"});
  Settings settings(env);
  const ServiceConfig config = LoadServiceConfig(settings, "user-service");
  EXPECT_TRUE(env.Check().ok()) << env.Check();
  EXPECT_THAT(config.listen, ElementsAre("0.0.0.0:50051"));
  EXPECT_FALSE(config.instance_id.empty());
  EXPECT_EQ(config.drain_grace, 2s);
  EXPECT_EQ(config.max_threads, 16);
  EXPECT_EQ(config.database.max_connections, 6);
  EXPECT_EQ(config.database.wait_limit, 500ms);
  EXPECT_EQ(config.database.connect.statement_timeout, 3s);
  EXPECT_FALSE(config.seed_demo_data);
}

TEST(ServiceConfig, SkipsEmptyItemsOfTheListOfAddressesButNeedsOne) {
  EnvironmentMap variables = Minimal();
  variables["SERVICE_LISTEN"] = "127.0.0.1:0, ,";
  Environment env(variables, {"SERVICE_", "DB_", "LAB_"});
  Settings settings(env);
  EXPECT_THAT(LoadServiceConfig(settings, "user-service").listen, ElementsAre("127.0.0.1:0"));
  EXPECT_TRUE(env.Check().ok()) << env.Check();

  variables["SERVICE_LISTEN"] = ",";
  Environment none(variables, {"SERVICE_", "DB_", "LAB_"});
  Settings settings_of_none(none);
  LoadServiceConfig(settings_of_none, "user-service");
  EXPECT_THAT(std::string(none.Check().message()), HasSubstr("SERVICE_LISTEN=,: names no address"));
}

TEST(ServiceConfig, ListensOnSeveralAddresses) {
  EnvironmentMap variables = Minimal();
  variables["SERVICE_LISTEN"] = "unix:/run/a.sock,127.0.0.1:0,[::]:50051";
  Environment env(variables, {"SERVICE_", "DB_", "LAB_"});
  Settings settings(env);
  EXPECT_THAT(LoadServiceConfig(settings, "user-service").listen,
              ElementsAre("unix:/run/a.sock", "127.0.0.1:0", "[::]:50051"));
  EXPECT_TRUE(env.Check().ok()) << env.Check();
}

TEST(ServiceConfig, RefusesAddressesThatCannotBe) {
  for (const std::string& address :
       {std::string("nonsense"), std::string("host:"), std::string("host:99999"),
        std::string(":80"), std::string("unix:"), "unix:/" + std::string(107, 'x'),
        std::string(",")}) {
    EnvironmentMap variables = Minimal();
    variables["SERVICE_LISTEN"] = address;
    EXPECT_THAT(Problems(variables), HasSubstr("SERVICE_LISTEN")) << address;
  }
  EnvironmentMap variables = Minimal();
  variables["SERVICE_METRICS_LISTEN"] = "9090";
  EXPECT_THAT(Problems(variables), HasSubstr("SERVICE_METRICS_LISTEN"));
}

TEST(ServiceConfig, ListsEveryProblemAtOnce) {
  const std::string problems = Problems({{"SERVICE_LOG_LEVEL", "loud"},
                                         {"SERVICE_MAX_THREADS", "0"},
                                         {"DB_POOL_WAIT", "soon"},
                                         {"DB_POOL_MAXX", "6"}});
  for (const char* name : {"SERVICE_LOG_LEVEL", "SERVICE_MAX_THREADS", "DB_POOL_WAIT",
                           "DB_POOL_MAXX", "DB_CONNINFO"}) {
    EXPECT_THAT(problems, HasSubstr(name));
  }
}

TEST(ServiceConfig, RefusesAPasswordInTheConnectionStringWithoutRepeatingIt) {
  for (const char* conninfo :
       {"host=x password=s3cret", "host=x password = 's3cret'", "postgresql://u:s3cret@h/db",
        "postgres://u:s3cret@h,i/db?sslmode=require", "postgresql://h/db?password=s3cret",
        "postgresql://h/db?sslpassword=s3cret",
        // Not understood, and perhaps meant to hold one.
        "postgresql:/u:s3cret@h/db", "host=x pasword=s3cret", "s3cret"}) {
    const std::string problems = Problems({{"DB_CONNINFO", conninfo}});
    EXPECT_THAT(problems, HasSubstr("DB_CONNINFO")) << conninfo;
    EXPECT_THAT(problems, HasSubstr("DB_PASSWORD_FILE")) << conninfo;
    EXPECT_EQ(problems.find("s3cret"), std::string::npos) << problems;
  }
}

TEST(ServiceConfig, TakesAConnectionStringOrAUriWithoutAPassword) {
  for (const char* conninfo :
       {"host=/run/postgresql dbname=users user=user_service", "postgresql://u@h:5432/db",
        "postgresql:///db?host=/run/postgresql&application_name=password",
        "host=password.example.com user=u"}) {
    EXPECT_EQ(Problems({{"DB_CONNINFO", conninfo}}), "") << conninfo;
  }
}

TEST(ServiceConfig, ExplainsEveryVariableThatItReads) {
  const std::vector<Setting> settings = ListSettings(DeclareServiceSettings);
  // Set to their defaults, all of them are known and right.
  EnvironmentMap everything = Minimal();
  for (const Setting& setting : settings) everything.emplace(setting.name, setting.default_value);
  EXPECT_EQ(Problems(everything), "");
  const std::string help = MakeServiceHelp("user-service", "owns the users", settings).text;
  EXPECT_THAT(help, HasSubstr("user-service: owns the users\n\nUsage: user-service "));
  EXPECT_THAT(help, HasSubstr("DB_POOL_WAIT"));
  EXPECT_THAT(help, HasSubstr(" 500ms "));
}

TEST(ServiceConfig, NamesItselfToTheDatabase) {
  EnvironmentMap variables = Minimal();
  variables["SERVICE_INSTANCE_ID"] = "replica-2";
  Environment env(variables, {"SERVICE_", "DB_", "LAB_"});
  Settings settings(env);
  EXPECT_EQ(LoadServiceConfig(settings, "user-service").database.connect.application_name,
            "user-service replica-2");
}

}  // namespace
}  // namespace scaleout
