// Changes that no gateway made, and what readers get after their tokens were replaced.
#include "gateway/cache/token_replacer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gateway/cache/cache_entry.h"
#include "tests/gateway/backends/cached_verb_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Eventually;
using testing::PrivateRedis;
using testing::ReadOutcome;
using testing::SmallGateway;

constexpr RedisClientOptions kPatient = {
    .connect_timeout = seconds(60), .command_timeout = seconds(60), .retry_pause = milliseconds(0)};

class TokenReplacerTest : public ::testing::Test {
 protected:
  TokenReplacerTest() { service_.Set("a", "old"); }

  testing::TextService service_;
  PrivateRedis redis_;
  TokenReplacer replacer_{redis_.server(), kPatient, SystemClock(), MakeTokenSource()};
};

TEST_F(TokenReplacerTest, EndsAValueThatWasChangedWithoutAGateway) {
  SmallGateway gateway(service_, redis_.server());
  ASSERT_TRUE(gateway.Warm("a"));
  service_.Set("a", "new");
  ASSERT_EQ(gateway.Read("a").text, "old");
  ASSERT_TRUE(replacer_.Replace({"b", "a"}).ok());
  const ReadOutcome read = gateway.Read("a");
  EXPECT_EQ(read.text, "new");
  EXPECT_EQ(read.result(), CacheResult::kMiss);
  ASSERT_TRUE(gateway.Warm("a"));
  EXPECT_EQ(gateway.Read("a").text, "new");
}

TEST_F(TokenReplacerTest, EndsAllValuesForNoNames) {
  SmallGateway gateway(service_, redis_.server());
  ASSERT_TRUE(gateway.Warm("a"));
  service_.Set("a", "new");
  ASSERT_TRUE(replacer_.Replace({}).ok());
  EXPECT_EQ(gateway.Read("a").text, "new");
}

// Its question was asked before the change, and its answer is stored after the replacement.
TEST_F(TokenReplacerTest, EndsAValueWhoseFillBeganBeforeTheChange) {
  SmallGateway gateway(service_, redis_.server());
  ASSERT_TRUE(gateway.IsUp());
  service_.Hold();
  auto slow = gateway.BeginRead("a");
  ASSERT_TRUE(Eventually([&] { return service_.asked() == 1; }));
  service_.Set("a", "new");
  ASSERT_TRUE(replacer_.Replace({"a"}).ok());
  service_.Release();
  EXPECT_EQ(slow.get().text, "old");
  ASSERT_TRUE(Eventually([&] { return redis_.Ask({"EXISTS", "v:a"}).integer() == 1; }));
  EXPECT_EQ(gateway.Read("a").text, "new");
}

TEST_F(TokenReplacerTest, GivesTokensAsReadersMakeThem) {
  ASSERT_TRUE(replacer_.Replace({"a", "b"}).ok());
  const std::string first(redis_.Ask({"GET", "t:a"}).text());
  EXPECT_EQ(first.size(), kCacheTokenBytes);
  EXPECT_EQ(redis_.Ask({"GET", "t:b"}).text().size(), kCacheTokenBytes);
  ASSERT_TRUE(replacer_.Replace({"a"}).ok());
  EXPECT_NE(redis_.Ask({"GET", "t:a"}).text(), first);
  EXPECT_EQ(redis_.Ask({"TTL", "t:a"}).integer(), -1);
}

TEST_F(TokenReplacerTest, SaysWhenRedisDoesNotTakeIt) {
  ASSERT_TRUE(replacer_.Replace({"a"}).ok());
  redis_.Kill();
  EXPECT_TRUE(absl::IsUnavailable(replacer_.Replace({"a"})));
  redis_.Start({"maxmemory 1", "maxmemory-policy noeviction"});
  EXPECT_TRUE(absl::IsResourceExhausted(replacer_.Replace({"a"})));
}

}  // namespace
}  // namespace scaleout::gateway
