#include "gateway/auth/auth_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/token_signer.h"

namespace scaleout::gateway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// The problems; empty if there is none.
std::string Load(EnvironmentMap variables, AuthConfig& config) {
  Environment env(std::move(variables), {"AUTH_"});
  Settings settings(env);
  DeclareAuthSettings(settings, config);
  return std::string(env.Check().message());
}

TEST(AuthConfig, ATokenIsRequiredUnlessItIsOptional) {
  const testing::TokenSigner signer;
  AuthConfig config;
  EXPECT_EQ(Load({{"AUTH_PUBLIC_KEYS", signer.PublicPem()}}, config), "");
  EXPECT_EQ(config.mode, AuthMode::kRequired);
  EXPECT_NE(config.keys.Find(signer.Kid()), nullptr);
  EXPECT_EQ(config.issuer, "scaleout");
  EXPECT_EQ(config.audience, "scaleout-api");
  EXPECT_EQ(config.forged_tokens.ToString(), "100/min");
  EXPECT_EQ(Load({{"AUTH_MODE", "optional"},
                  {"AUTH_ISSUER", "i"},
                  {"AUTH_AUDIENCE", "a"},
                  {"AUTH_FORGED_TOKEN_RATE", "0"}},
                 config),
            "");
  EXPECT_EQ(config.mode, AuthMode::kOptional);
  EXPECT_EQ(config.issuer, "i");
  EXPECT_EQ(config.audience, "a");
  EXPECT_FALSE(config.forged_tokens.on());
}

TEST(AuthConfig, ARequiredTokenNeedsAKey) {
  AuthConfig config;
  EXPECT_THAT(Load({}, config), HasSubstr("AUTH_PUBLIC_KEYS is required"));
  EXPECT_THAT(Load({{"AUTH_MODE", "off"}}, config), HasSubstr("AUTH_MODE"));
}

TEST(AuthConfig, RefusesKeysThatAreNoneAndShowsNoneOfThem) {
  const testing::TokenSigner signer;
  const std::string secret = signer.PrivatePem();
  for (const char* mode : {"required", "optional"}) {
    AuthConfig config;
    EXPECT_THAT(
        Load({{"AUTH_MODE", mode}, {"AUTH_PUBLIC_KEYS", signer.PublicPem() + secret}}, config),
        AllOf(HasSubstr("key 2 is a private key"), Not(HasSubstr(secret.substr(30, 20)))))
        << mode;
    EXPECT_THAT(config.keys.list(), SizeIs(0));
  }
}

TEST(AuthConfig, ModesHaveNames) {
  EXPECT_EQ(AuthModeName(AuthMode::kRequired), "required");
  EXPECT_EQ(AuthModeName(AuthMode::kOptional), "optional");
}

}  // namespace
}  // namespace scaleout::gateway
