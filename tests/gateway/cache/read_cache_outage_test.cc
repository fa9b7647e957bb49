// What reads and writes through the cache become while Redis is away, frozen or dying.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <random>
#include <string>
#include <vector>

#include "gateway/cache/read_cache.h"
#include "tests/gateway/backends/cached_verb_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Eventually;
using testing::PrivateRedis;
using testing::ReadOutcome;
using testing::SmallGateway;

class ReadCacheOutageTest : public ::testing::Test {
 protected:
  ReadCacheOutageTest() {
    service_.Set("a", "first");
    link_.max_silence = milliseconds(200);
    link_.retry_max = milliseconds(100);
  }

  std::string Epoch() { return std::string(redis_.Ask({"GET", "t:epoch"}).text()); }

  testing::TextService service_;
  PrivateRedis redis_;
  RedisLinkConfig link_;
};

TEST_F(ReadCacheOutageTest, WithoutRedisTheServiceIsAsked) {
  redis_.Stop();
  SmallGateway one(service_, redis_.server(), {}, link_);
  const ReadOutcome read = one.Read("a");
  EXPECT_EQ(read.text, "first");
  EXPECT_EQ(read.result(), CacheResult::kBypass);
  EXPECT_TRUE(one.Write("a", "second").ok());
  EXPECT_EQ(one.Read("a").text, "second");
  EXPECT_EQ(one.metrics().counts().bypassed, 2);
  redis_.Start();
  EXPECT_TRUE(one.Warm("a"));
  EXPECT_EQ(one.Read("a").text, "second");
}

TEST_F(ReadCacheOutageTest, AFrozenRedisCostsTheTimeoutOnceAndHitsComeBackByThemselves) {
  SmallGateway one(service_, redis_.server(), {}, link_);
  ASSERT_TRUE(one.Warm("a"));
  {
    const auto frozen = redis_.Freeze();
    const MonotonicTime began = SystemClock().Now();
    constexpr int kReads = 250;
    for (int i = 0; i < kReads; ++i) {
      const ReadOutcome read = one.Read("a");
      EXPECT_EQ(read.text, "first");
      EXPECT_EQ(read.result(), CacheResult::kBypass);
    }
    EXPECT_LT(SystemClock().Now() - began, kReads * link_.command_timeout / 2);  // of 10 s
  }
  EXPECT_TRUE(one.Warm("a"));
}

TEST_F(ReadCacheOutageTest, ReadersAreNotJoinedWithoutTokens) {
  SmallGateway one(service_, redis_.server(), {}, link_);
  ASSERT_TRUE(one.IsUp());
  redis_.Kill();
  ASSERT_TRUE(Eventually([&] { return one.Read("b").result() == CacheResult::kBypass; }));
  service_.Hold();
  const int asked = service_.asked();
  std::vector<std::future<ReadOutcome>> readers;
  for (int i = 0; i < 5; ++i) readers.push_back(one.BeginRead("a"));
  EXPECT_TRUE(Eventually([&] { return service_.asked() == asked + 5; }));
  service_.Release();
  for (auto& reader : readers) EXPECT_EQ(reader.get().text, "first");
}

// The value and its token are still there when Redis goes on.
TEST_F(ReadCacheOutageTest, AWriteThatAFrozenRedisMissedIsSeenByItsGateway) {
  SmallGateway one(service_, redis_.server(), {}, link_);
  ASSERT_TRUE(one.Warm("a"));
  const std::string epoch = Epoch();
  {
    const auto frozen = redis_.Freeze();
    EXPECT_TRUE(one.Write("a", "second").ok());
    EXPECT_EQ(one.Read("a").text, "second");
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(one.Read("a").text, "second");
  EXPECT_TRUE(one.Warm("a"));
  EXPECT_EQ(one.Read("a").text, "second");
  EXPECT_NE(Epoch(), epoch);
  EXPECT_EQ(one.loops().logger().CountOf("cache emptied for writes that Redis missed"), 1);
}

// What the token's replacement was sent to dies before it is carried out, and all comes back from
// the disk: as redis-cache would not, but a replica or a snapshot might.
TEST_F(ReadCacheOutageTest, AWriteThatADeadRedisMissedIsSeenByItsGateway) {
  PrivateRedis durable({.configuration = {"appendonly yes", "appendfsync always"}});
  SmallGateway one(service_, durable.server(), {}, link_);
  SmallGateway other(service_, durable.server(), {}, link_);
  ASSERT_TRUE(one.Warm("a"));
  ASSERT_TRUE(other.Warm("a"));
  durable.Kill();
  EXPECT_TRUE(one.Write("a", "second").ok());
  durable.Start();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(one.Read("a").text, "second");
  // Through the other gateway the old value may be seen until the first one has reached Redis.
  EXPECT_TRUE(Eventually([&] { return other.Read("a").text == "second"; }));
}

TEST_F(ReadCacheOutageTest, NoRequestFailsWhateverHappensToRedis) {
  SmallGateway one(service_, redis_.server(), {.user_ttl = milliseconds(20)}, link_, 2);
  SmallGateway other(service_, redis_.server(), {.user_ttl = milliseconds(20)}, link_, 2);
  for (int i = 0; i < 10; ++i) service_.Set(std::to_string(i), "0");
  std::mt19937 random(7);  // NOLINT: the same each time
  for (int round = 0; round < 12; ++round) {
    std::vector<std::future<ReadOutcome>> reads;
    const auto read_some = [&] {
      for (int i = 0; i < 60; ++i) {
        SmallGateway& gateway = i % 2 == 0 ? one : other;
        reads.push_back(gateway.BeginRead(std::to_string(random() % 10), random() % 10 == 0,
                                          seconds(10), random() % 2));
      }
      EXPECT_TRUE(one.Write(std::to_string(random() % 10), std::to_string(round)).ok());
    };
    read_some();
    if (round % 3 == 0) {
      redis_.Kill();
      read_some();
      redis_.Start();
    } else if (round % 3 == 1) {
      const auto frozen = redis_.Freeze();
      read_some();
    } else {
      redis_.Ask({"FLUSHALL"});
    }
    read_some();
    for (auto& outcome : reads) EXPECT_EQ(outcome.get().code, absl::StatusCode::kOk);
  }
}

}  // namespace
}  // namespace scaleout::gateway
