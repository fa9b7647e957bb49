#include "services/user/auth_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace scaleout::user {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Load(EnvironmentMap variables, AuthConfig& config) {
  Environment env(std::move(variables), {"AUTH_"});
  Settings settings(env);
  DeclareAuthSettings(settings, config);
  return std::string(env.Check().message());
}

TEST(AuthConfig, WithoutAKeyThereIsNoSignerAndNoProblem) {
  AuthConfig config;
  EXPECT_EQ(Load({}, config), "");
  EXPECT_FALSE(MakeTokenSigner(config));
  EXPECT_EQ(config.issuer, "scaleout");
  EXPECT_EQ(config.audience, "scaleout-api");
}

TEST(AuthConfig, LoadsTheKeyAndTheBoundsOfHashing) {
  const TokenKey key = TokenKey::Random();
  AuthConfig config;
  EXPECT_EQ(Load({{"AUTH_SIGNING_KEY", key.PrivatePem()},
                  {"AUTH_HASH_THREADS", "2"},
                  {"AUTH_HASH_QUEUE", "10"}},
                 config),
            "");
  ASSERT_TRUE(config.signing_key);
  EXPECT_EQ(config.signing_key->kid(), key.kid());
  EXPECT_TRUE(MakeTokenSigner(config));
  // As many as can hash and wait, and more to refuse the others.
  EXPECT_GT(LoginWorkers(config), 12);
}

// The containers' pids limit is 512, and about 40 threads do other work.
TEST(AuthConfig, QueueIsNoLongerThanContainersHaveThreads) {
  AuthConfig config;
  EXPECT_THAT(Load({{"AUTH_HASH_QUEUE", "65"}}, config), HasSubstr("AUTH_HASH_QUEUE"));
  EXPECT_EQ(Load({{"AUTH_HASH_THREADS", "2"}, {"AUTH_HASH_QUEUE", "64"}}, config), "");
  EXPECT_LE(config.hasher.threads + LoginWorkers(config), 70);
}

TEST(AuthConfig, ListsEveryProblemAndShowsNoKey) {
  AuthConfig config;
  EXPECT_THAT(Load({{"AUTH_SIGNING_KEY", "secret nonsense"},
                    {"AUTH_ISSUER", "a b"},
                    {"AUTH_AUDIENCE", "a\"b"},
                    {"AUTH_HASH_THREADS", "3"},
                    {"AUTH_HASH_QUEUE", "0"}},
                   config),
              AllOf(HasSubstr("AUTH_SIGNING_KEY"), HasSubstr("AUTH_ISSUER"),
                    HasSubstr("AUTH_AUDIENCE"), HasSubstr("AUTH_HASH_THREADS"),
                    HasSubstr("AUTH_HASH_QUEUE"), Not(HasSubstr("nonsense"))));
}

}  // namespace
}  // namespace scaleout::user
