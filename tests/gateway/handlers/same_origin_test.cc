#include "gateway/handlers/same_origin.h"

#include <gtest/gtest.h>

#include "common/status.h"
#include "gateway/http/problem.h"
#include "tests/support/request_fixture.h"

namespace scaleout::gateway {
namespace {

using testing::TestRequest;

bool Allows(const char* name, const char* value, const char* host = "localhost:8080") {
  TestRequest request;
  request.Header("Host", host).Header(name, value);
  return CheckSameOrigin(request).ok();
}

TEST(SameOrigin, LetsProgramsThroughThatAreNoBrowsers) {
  TestRequest request;
  request.Header("Host", "localhost:8080").Header("User-Agent", "curl/8.0");
  EXPECT_TRUE(CheckSameOrigin(request).ok());
}

TEST(SameOrigin, BelievesFetchMetadata) {
  EXPECT_TRUE(Allows("Sec-Fetch-Site", "same-origin"));
  EXPECT_TRUE(Allows("Sec-Fetch-Site", "none"));
  EXPECT_FALSE(Allows("Sec-Fetch-Site", "cross-site"));
  EXPECT_FALSE(Allows("Sec-Fetch-Site", "same-site"));
  EXPECT_FALSE(Allows("Sec-Fetch-Site", "anything"));
}

TEST(SameOrigin, ComparesHostAndPortOfTheOriginWithTheHostHeader) {
  EXPECT_TRUE(Allows("Origin", "http://localhost:8080"));
  EXPECT_TRUE(Allows("Origin", "http://LOCALHOST:8080"));
  EXPECT_TRUE(Allows("Origin", "https://shop.example", "shop.example"));
  EXPECT_FALSE(Allows("Origin", "http://localhost:8081"));
  EXPECT_FALSE(Allows("Origin", "http://localhost"));
  EXPECT_FALSE(Allows("Origin", "https://evil.example"));
  EXPECT_FALSE(Allows("Origin", "http://localhost:8080.evil.example"));
  EXPECT_FALSE(Allows("Origin", "null"));
  EXPECT_FALSE(Allows("Origin", ""));
}

TEST(SameOrigin, PrefersFetchMetadataToTheOrigin) {
  TestRequest request;
  request.Header("Host", "h").Header("Origin", "http://h").Header("Sec-Fetch-Site", "cross-site");
  const absl::Status status = CheckSameOrigin(request);
  EXPECT_EQ(HttpStatusOf(status), 403);
  EXPECT_EQ(ReasonOf(status), "CROSS_SITE");
}

}  // namespace
}  // namespace scaleout::gateway
