#include "gateway/http/cache_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/request_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using ::testing::StartsWith;
using testing::TestRequest;

const std::string kPublic = "public, max-age=0, s-maxage=2";

std::string HeaderOf(const Response& response, std::string_view name) {
  for (const auto& [known, value] : response.headers) {
    if (known == name) return value;
  }
  return "";
}

class CacheHeadersTest : public ::testing::Test {
 protected:
  CacheHeadersTest() { request_.method = Method::kGet; }

  Response Answer(Access access, int status = 200, std::string body = "{\"id\":1}") {
    Response response(status, std::move(body));
    AddCacheHeaders(request_, access, note_, kPublic, response);
    return response;
  }

  TestRequest request_;
  CacheNote note_;
};

TEST_F(CacheHeadersTest, TheSameBodyHasTheSameStrongTag) {
  const std::string tag = HeaderOf(Answer(Access::kUser), "ETag");
  EXPECT_EQ(tag.size(), 18U);
  EXPECT_EQ(tag.front(), '"');
  EXPECT_EQ(tag, HeaderOf(Answer(Access::kUser), "ETag"));
  EXPECT_NE(tag, HeaderOf(Answer(Access::kUser, 200, "{\"id\":2}"), "ETag"));
}

TEST_F(CacheHeadersTest, AnAnswerThatIsPartlyAboutItselfHasAWeakTagOfTheRest) {
  const auto tag_of = [this](std::string body) {
    Response response(200, std::move(body));
    response.content_bytes = 4;
    AddCacheHeaders(request_, Access::kUser, note_, kPublic, response);
    return HeaderOf(response, "ETag");
  };
  EXPECT_THAT(tag_of("same one"), StartsWith("W/\""));
  EXPECT_EQ(tag_of("same one"), tag_of("same two"));
  EXPECT_NE(tag_of("same one"), tag_of("diff one"));
}

TEST_F(CacheHeadersTest, WhatTheClientHasIsNotSentAgain) {
  const std::string tag = HeaderOf(Answer(Access::kUser), "ETag");
  for (const std::string& list : {tag, "W/" + tag, "\"other\", " + tag, std::string("*")}) {
    TestRequest request;
    request.method = Method::kGet;
    request.Header("If-None-Match", list);
    Response response(200, "{\"id\":1}");
    AddCacheHeaders(request, Access::kUser, note_, kPublic, response);
    EXPECT_EQ(response.status, 304) << list;
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(HeaderOf(response, "ETag"), tag);
    EXPECT_EQ(HeaderOf(response, "Cache-Control"), "private, no-cache");
  }
}

TEST_F(CacheHeadersTest, WhatTheClientDoesNotHaveIsSent) {
  for (const char* const list : {"", "\"other\"", "W/\"0\"", "not a tag"}) {
    TestRequest request;
    request.method = Method::kGet;
    request.Header("If-None-Match", list);
    Response response(200, "{\"id\":1}");
    AddCacheHeaders(request, Access::kUser, note_, kPublic, response);
    EXPECT_EQ(response.status, 200) << list;
  }
}

TEST_F(CacheHeadersTest, TheRouteSaysWhoMayKeepAnAnswer) {
  EXPECT_EQ(HeaderOf(Answer(Access::kUser), "Cache-Control"), "private, no-cache");
  EXPECT_EQ(HeaderOf(Answer(Access::kPublic), "Cache-Control"), kPublic);
  EXPECT_EQ(HeaderOf(Answer(Access::kInternal), "Cache-Control"), "");
  EXPECT_EQ(HeaderOf(Answer(Access::kInternal), "ETag"), "");
}

TEST_F(CacheHeadersTest, WhatAHandlerSaysStays) {
  Response response(200, "{}");
  response.headers.emplace_back("Cache-Control", "no-store");
  AddCacheHeaders(request_, Access::kPublic, note_, kPublic, response);
  EXPECT_EQ(response.headers.size(), 1U);
}

TEST_F(CacheHeadersTest, OnlyAnswersToReadsThatSucceededAreKept) {
  EXPECT_EQ(HeaderOf(Answer(Access::kPublic, 404), "Cache-Control"), "");
  EXPECT_EQ(HeaderOf(Answer(Access::kPublic, 404), "ETag"), "");
  request_.method = Method::kPost;
  EXPECT_EQ(HeaderOf(Answer(Access::kPublic), "Cache-Control"), "");
  request_.method = Method::kHead;
  EXPECT_NE(HeaderOf(Answer(Access::kPublic), "ETag"), "");
}

TEST_F(CacheHeadersTest, SaysWhatTheCacheDid) {
  const auto says = [this](const CacheNote& note) {
    note_ = note;
    const Response response = Answer(Access::kUser, 404);
    return HeaderOf(response, "X-Cache") + " | " + HeaderOf(response, "Cache-Status") + " | " +
           HeaderOf(response, "Age");
  };
  EXPECT_EQ(says({}), " |  | ");
  EXPECT_EQ(says({.result = CacheResult::kHit,
                  .age = milliseconds(12'345),
                  .fresh_for = milliseconds(17'999)}),
            "HIT | scaleout; hit; ttl=17 | 12");
  EXPECT_EQ(says({.result = CacheResult::kStale,
                  .age = milliseconds(42'000),
                  .fresh_for = milliseconds(-1)}),
            "STALE | scaleout; hit; ttl=-1 | 42");
  EXPECT_EQ(says({.result = CacheResult::kMiss}), "MISS | scaleout; fwd=miss | ");
  EXPECT_EQ(says({.result = CacheResult::kMiss, .joined = true}),
            "MISS | scaleout; fwd=miss; collapsed | ");
  EXPECT_EQ(says({.result = CacheResult::kMiss, .revalidated = true}),
            "MISS | scaleout; fwd=request | ");
  EXPECT_EQ(says({.result = CacheResult::kBypass}), "BYPASS | scaleout; fwd=bypass | ");
}

TEST(WantsRevalidationTest, NoCacheAndNoAge) {
  const auto wants = [](const char* value) {
    TestRequest request;
    request.Header("Cache-Control", value);
    return WantsRevalidation(request);
  };
  EXPECT_FALSE(WantsRevalidation(TestRequest()));
  EXPECT_TRUE(wants("no-cache"));
  EXPECT_TRUE(wants("No-Cache"));
  EXPECT_TRUE(wants("max-age=0"));
  EXPECT_TRUE(wants("only-if-cached , no-cache"));
  for (const char* const other : {"", "no-store", "max-age=01", "max-age=5", "no-cached", ","}) {
    EXPECT_FALSE(wants(other)) << other;
  }
}

TEST(RenderPublicCachingTest, InWholeSeconds) {
  EXPECT_EQ(RenderPublicCaching({milliseconds(2'999), milliseconds(10'000), milliseconds(0)}),
            "public, max-age=0, s-maxage=2, stale-while-revalidate=10, stale-if-error=0");
}

TEST(CombineTest, AnAnswerOfPartsIsAsFreshAsItsWorst) {
  const CacheNote hit{
      .result = CacheResult::kHit, .age = milliseconds(10), .fresh_for = milliseconds(90)};
  const CacheNote stale{
      .result = CacheResult::kStale, .age = milliseconds(200), .fresh_for = milliseconds(-100)};
  EXPECT_EQ(Combine(hit, stale).result, CacheResult::kStale);
  EXPECT_EQ(Combine(stale, hit).age, milliseconds(200));
  EXPECT_EQ(Combine(stale, hit).fresh_for, milliseconds(-100));
  EXPECT_EQ(Combine(hit, {}).result, CacheResult::kHit);
  EXPECT_EQ(Combine({}, hit).age, milliseconds(10));
  EXPECT_EQ(Combine(stale, {.result = CacheResult::kMiss}).result, CacheResult::kMiss);
  EXPECT_EQ(Combine({.result = CacheResult::kBypass}, {.result = CacheResult::kMiss}).result,
            CacheResult::kBypass);
}

}  // namespace
}  // namespace scaleout::gateway
