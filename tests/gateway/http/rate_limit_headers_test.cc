#include "gateway/http/rate_limit_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;

TEST(RateLimitHeaders, SayPolicyAndRest) {
  Response response;
  AddRateLimitHeaders({{"default", 100, 1s, 99, 10ms}}, response);
  EXPECT_THAT(response.headers, ElementsAre(Pair("RateLimit-Policy", "\"default\";q=100;w=1"),
                                            Pair("RateLimit", "\"default\";r=99;t=1")));
}

TEST(RateLimitHeaders, ListSeveralPolicies) {
  Response response;
  AddRateLimitHeaders({{"default", 100, 1s, 42, 10ms}, {"login-account", 5, 60s, 0, 11'001ms}},
                      response);
  EXPECT_THAT(
      response.headers,
      ElementsAre(Pair("RateLimit-Policy", "\"default\";q=100;w=1, \"login-account\";q=5;w=60"),
                  Pair("RateLimit", "\"default\";r=42;t=1, \"login-account\";r=0;t=12")));
}

TEST(RateLimitHeaders, NeverSayThatThereIsNoTimeToWait) {
  Response response;
  AddRateLimitHeaders({{"p", 1, 1s, 0, 0us}}, response);
  EXPECT_EQ(response.headers.at(1).second, "\"p\";r=0;t=1");
}

TEST(RateLimitHeaders, AreNotThereWithoutALimit) {
  Response response;
  AddRateLimitHeaders({}, response);
  EXPECT_TRUE(response.headers.empty());
}

}  // namespace
}  // namespace scaleout::gateway
