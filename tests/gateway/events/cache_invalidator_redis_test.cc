// The invalidator between two real servers: one has the streams, the other the cache's tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "common/str_cat.h"
#include "gateway/cache/token_replacer.h"
#include "gateway/events/cache_invalidator.h"
#include "gateway/runtime/step_thread.h"
#include "proto/scaleout/events/v1/event.h"
#include "tests/integration/private_redis.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;
using testing::PrivateRedis;

constexpr RedisClientOptions kRedis = {
    .connect_timeout = 1s, .command_timeout = 1s, .retry_pause = 0ms};
constexpr RedisClientOptions kImpatient = {
    .connect_timeout = 50ms, .command_timeout = 50ms, .retry_pause = 0ms};

class CacheInvalidatorRedisTest : public ::testing::Test {
 protected:
  // A gateway's part in it.
  struct Gateway {
    Gateway(CacheInvalidatorRedisTest& test, const std::string& id,
            const RedisClientOptions& options)
        : replacer(test.cache_.server(), options, SystemClock(), MakeTokenSource()),
          invalidator(
              MakeRedisStreamReader(
                  test.state_.server(), options,
                  {.streams = OwnersStreams(), .group = std::string(kGatewayGroup), .consumer = id},
                  SystemClock()),
              [this](const auto& names) { return replacer.Replace(names); }, SystemClock(),
              test.logger_, *metrics) {
      thread.Start();
    }
    std::unique_ptr<Metrics> metrics = MakeMetrics();
    TokenReplacer replacer;
    CacheInvalidator invalidator;
    StepThread thread{"events", [this] { return invalidator.Step(); }};
  };
  std::unique_ptr<Gateway> Begin(const std::string& id,
                                 const RedisClientOptions& options = kRedis) {
    return std::make_unique<Gateway>(*this, id, options);
  }

  void Publish(int number, int user) {
    state_.Ask({"XADD", "events:user", StrCat(number, "-0"), "id",
                "00000000-0000-4000-8000-000000000001", "type", "user.changed", "key",
                std::to_string(user), "seq", "1", "after", "0", "at", "1", "data", "{}"});
  }
  std::string Token(int user) {
    return std::string(cache_.Ask({"GET", StrCat("t:user:", user)}).text());
  }
  bool IsSettled() {
    const RedisReply pending = state_.Ask({"XPENDING", "events:user", kGatewayGroup});
    return pending.at(0).integer() == 0;
  }

  PrivateRedis state_;
  PrivateRedis cache_;
  testing::FakeLogger logger_;
};

TEST_F(CacheInvalidatorRedisTest, ReplacesTheTokenOfAnEventAndAcknowledgesIt) {
  const auto one = Begin("one");
  Publish(1, 42);
  ASSERT_TRUE(Eventually([&] { return !Token(42).empty() && IsSettled(); }));
  const std::string first = Token(42);
  Publish(2, 42);
  EXPECT_TRUE(Eventually([&] { return Token(42) != first; }));
  EXPECT_TRUE(Eventually([&] {
    const EventsReport report = one->invalidator.report();
    return report.backlogs.size() == 4 && report.backlogs[0].length == 2 &&
           report.backlogs[0].lag == 0 && report.backlogs[0].pending == 0;
  }));
}

TEST_F(CacheInvalidatorRedisTest, SharesTheEventsAmongGateways) {
  const auto one = Begin("one");
  const auto two = Begin("two");
  for (int i = 1; i <= 500; ++i) Publish(i, i);
  ASSERT_TRUE(Eventually([&] { return !Token(500).empty() && IsSettled(); }));
  EXPECT_EQ(cache_.Ask({"DBSIZE"}).integer(), 500);
  EXPECT_GE(one->invalidator.report().invalidated + two->invalidator.report().invalidated, 500);
}

// One that was killed has read and not acknowledged.
TEST_F(CacheInvalidatorRedisTest, ActsOnWhatADeadGatewayHasRead) {
  state_.Ask({"XGROUP", "CREATE", "events:user", kGatewayGroup, "0", "MKSTREAM"});
  for (int i = 1; i <= 1'000; ++i) Publish(i, i);
  state_.Ask({"XREADGROUP", "GROUP", kGatewayGroup, "dead", "STREAMS", "events:user", ">"});
  const auto one = Begin("one");
  EXPECT_TRUE(Eventually([&] { return IsSettled(); }));
  EXPECT_EQ(cache_.Ask({"DBSIZE"}).integer(), 1'000);
}

TEST_F(CacheInvalidatorRedisTest, WaitsForAFrozenCacheAndThenActs) {
  const auto one = Begin("one", kImpatient);
  Publish(1, 1);
  ASSERT_TRUE(Eventually([&] { return !Token(1).empty(); }));
  {
    const auto frozen = cache_.Freeze();
    Publish(2, 2);
    ASSERT_TRUE(Eventually([&] { return one->invalidator.report().failed > 0; }));
    EXPECT_FALSE(IsSettled());
  }
  EXPECT_TRUE(Eventually([&] { return !Token(2).empty() && IsSettled(); }));
}

TEST_F(CacheInvalidatorRedisTest, WaitsForACacheThatIsAwayAndThenActs) {
  const auto one = Begin("one");
  cache_.Kill();
  Publish(1, 1);
  ASSERT_TRUE(Eventually([&] { return one->invalidator.report().failed > 0; }));
  cache_.Start();
  EXPECT_TRUE(Eventually([&] { return !Token(1).empty() && IsSettled(); }));
}

TEST_F(CacheInvalidatorRedisTest, GoesOnAfterFlushRestartAndFreezeOfTheStreams) {
  const auto one = Begin("one", kImpatient);
  Publish(1, 1);
  ASSERT_TRUE(Eventually([&] { return !Token(1).empty(); }));
  state_.Ask({"FLUSHALL"});
  Publish(1, 2);
  ASSERT_TRUE(Eventually([&] { return !Token(2).empty(); }));
  state_.Kill();
  state_.Start();
  Publish(1, 3);
  ASSERT_TRUE(Eventually([&] { return !Token(3).empty(); }));
  {
    const auto frozen = state_.Freeze();
    ASSERT_TRUE(Eventually([&] { return logger_.CountOf("events cannot be read") >= 1; }));
  }
  Publish(2, 4);
  EXPECT_TRUE(Eventually([&] { return !Token(4).empty() && IsSettled(); }));
}

TEST_F(CacheInvalidatorRedisTest, EndsWithinASecondWhileBothServersAreFrozen) {
  const auto one = Begin("one", kImpatient);
  ASSERT_TRUE(Eventually([&] { return one->invalidator.report().backlogs_age.has_value(); }));
  const auto frozen_state = state_.Freeze();
  const auto frozen_cache = cache_.Freeze();
  ASSERT_TRUE(Eventually([&] { return logger_.CountOf("events cannot be read") >= 1; }));
  EXPECT_TRUE(one->thread.Stop());
}

}  // namespace
}  // namespace scaleout::gateway
