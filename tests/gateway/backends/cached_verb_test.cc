#include "gateway/backends/cached_verb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "gateway/resilience/rejection.h"
#include "tests/gateway/backends/cached_verb_fixture.h"

namespace scaleout::gateway {
namespace {

using testing::Eventually;
using testing::PrivateRedis;
using testing::ReadOutcome;
using testing::SmallGateway;

class CachedVerbTest : public ::testing::Test {
 protected:
  CachedVerbTest() {
    service_.Set("a", "first");
    EXPECT_TRUE(gateway_.IsUp());
    EXPECT_TRUE(gateway_.Warm("a"));
  }

  testing::TextService service_;
  PrivateRedis redis_;
  SmallGateway gateway_{service_, redis_.server()};
};

TEST_F(CachedVerbTest, CountsReadsByWhatBecameOfThem) {
  const CacheCounts before = gateway_.metrics().counts();
  gateway_.Read("a");
  gateway_.Read("a", true);
  EXPECT_EQ(gateway_.metrics().counts().hits, before.hits + 1);
  EXPECT_EQ(gateway_.metrics().counts().misses, before.misses + 1);
  EXPECT_GT(gateway_.metrics().counts().hit_ratio(), 0);
  EXPECT_LT(gateway_.metrics().counts().hit_ratio(), 1);
}

TEST_F(CachedVerbTest, AValueThatIsNoMessageIsReadAnew) {
  const std::string token(redis_.Ask({"GET", "t:a"}).text());
  const std::string epoch(redis_.Ask({"GET", "t:epoch"}).text());
  const WallTime now = SystemClock().WallNow();
  const CacheTimes times{now, now + std::chrono::hours(1), now + std::chrono::hours(1)};
  redis_.Ask({"SET", "v:a", EncodeCacheEntry(times, false, {token, epoch}, "\xFF\xFF")});
  const ReadOutcome read = gateway_.Read("a");
  EXPECT_EQ(read.text, "first");
  EXPECT_EQ(read.result(), CacheResult::kMiss);
  ASSERT_TRUE(Eventually([&] {
    const RedisReply value = redis_.Ask({"GET", "v:a"});
    const std::optional<CacheEntry> entry = DecodeCacheEntry(value.text());
    return entry && entry->payload != "\xFF\xFF";
  }));
  EXPECT_EQ(gateway_.Read("a").result(), CacheResult::kHit);  // what replaced it has its tokens
}

// The lock is another replica's, so its value is looked for.
TEST_F(CachedVerbTest, AValueOfAnotherReplicaThatIsNoMessageIsReadAnew) {
  const std::string token(redis_.Ask({"GET", "t:a"}).text());
  const std::string epoch(redis_.Ask({"GET", "t:epoch"}).text());
  const WallTime now = SystemClock().WallNow();
  const CacheTimes times{now, now + std::chrono::hours(1), now + std::chrono::hours(1)};
  redis_.Ask({"SET", "v:a", EncodeCacheEntry(times, false, {token, epoch}, "\xFF\xFF")});
  redis_.Ask({"SET", "l:v:a:" + token + ":" + epoch, "another", "PX", "60000"});
  const ReadOutcome read = gateway_.Read("a");
  EXPECT_EQ(read.code, absl::StatusCode::kOk);
  EXPECT_EQ(read.text, "first");
}

// As nothing of this program writes; it is replaced by the next write.
TEST_F(CachedVerbTest, ATokenThatIsNoneIsNotUsed) {
  redis_.Ask({"SET", "t:a", "short"});
  const ReadOutcome read = gateway_.Read("a");
  EXPECT_EQ(read.text, "first");
  EXPECT_EQ(read.result(), CacheResult::kBypass);
  ASSERT_TRUE(gateway_.Write("a", "second").ok());
  EXPECT_TRUE(gateway_.Warm("a"));
}

TEST_F(CachedVerbTest, AWriteThatWasRefusedOnlyAfterAnAttemptReplacesItsTokens) {
  service_.FailWrites(
      AfterAttempt(CircuitOpen("text", CircuitState::kOpen, std::chrono::seconds(1))));
  EXPECT_FALSE(gateway_.Write("a", "second").ok());
  EXPECT_EQ(gateway_.Read("a").text, "second");
}

TEST_F(CachedVerbTest, AWriteThatTheGatewayRefusedLeavesTheValue) {
  service_.FailWrites(BulkheadFull("text", 1));
  EXPECT_FALSE(gateway_.Write("a", "second").ok());
  EXPECT_EQ(gateway_.Read("a").result(), CacheResult::kHit);
}

}  // namespace
}  // namespace scaleout::gateway
