#include "gateway/redis/redis_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "tests/gateway/redis/loop_redis_fixture.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Eventually;
using testing::FunctionJob;
using ::testing::HasSubstr;
using testing::PrivateRedis;

using Text = absl::StatusOr<std::string>;

Task<Text> Ask(RedisLink& link, RequestContext& context, std::vector<std::string> command) {
  const std::vector<std::string_view> arguments(command.begin(), command.end());
  RedisCall call(link, context, arguments);
  const absl::StatusOr<RedisReply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  if (reply->is_integer()) co_return std::to_string(reply->integer());
  co_return std::string(reply->text());
}

class RedisLinkTest : public ::testing::Test {
 protected:
  ~RedisLinkTest() override { loops_.Stop(); }

  void Connect(const RedisServer& server) {
    redis_.emplace("redis-test", server, config_, loops_.executors(), SystemClock(),
                   loops_.logger(), loops_.metrics());
    redis_->Start();
    loops_.Start();
  }
  RedisLink& link() { return redis_->Of(loops_.at(0)); }
  bool IsUp() {
    return Eventually([this] { return link().up(); });
  }
  Text AskNow(std::vector<std::string> command, Duration deadline = seconds(10)) {
    return loops_.Await<Text>(
        [this, command](RequestContext& context) { return Ask(link(), context, command); },
        deadline);
  }

  PrivateRedis server_;
  RedisLinkConfig config_;
  testing::RunningLoops loops_{1};
  std::optional<LoopRedis> redis_;
};

TEST_F(RedisLinkTest, AnswersACommand) {
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  EXPECT_EQ(*AskNow({"SET", "key", std::string("va\0lue\r\n", 8)}), "OK");
  EXPECT_EQ(*AskNow({"GET", "key"}), std::string("va\0lue\r\n", 8));
}

TEST_F(RedisLinkTest, EachOfManyConcurrentCommandsGetsItsOwnReply) {
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  std::vector<std::future<Text>> answers;
  for (int i = 0; i < 1000; ++i) {
    answers.push_back(loops_.Begin<Text>([this, i](RequestContext& context) {
      return Ask(link(), context, {"ECHO", std::to_string(i)});
    }));
  }
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(*answers[i].get(), std::to_string(i));
}

TEST_F(RedisLinkTest, AnErrorOfTheServerIsAStatus) {
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  AskNow({"SET", "text", "a"}).IgnoreError();
  const Text answer = AskNow({"INCR", "text"});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(answer.status().message()), HasSubstr("not an integer"));
  EXPECT_TRUE(link().up());
}

TEST_F(RedisLinkTest, AServerThatRefusesThePasswordIsNotUp) {
  RedisServer server = server_.server();
  server.password = "wrong";
  Connect(server);
  ASSERT_TRUE(Eventually([this] { return loops_.logger().CountOf("redis is away") > 0; }));
  EXPECT_FALSE(link().up());
  EXPECT_EQ(AskNow({"PING"}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(loops_.logger().CountOf("redis is away"), 1);  // whatever it tries again
}

TEST_F(RedisLinkTest, ConnectsOverTcpByName) {
  PrivateRedis with_port({.tcp = true});
  RedisServer server = with_port.tcp_server();
  server.address.host = "localhost";
  Connect(server);
  ASSERT_TRUE(IsUp());
  EXPECT_EQ(*AskNow({"PING"}), "PONG");
}

TEST_F(RedisLinkTest, ConnectsToAServerThatComesLater) {
  server_.Stop();
  Connect(server_.server());
  ASSERT_TRUE(Eventually([this] { return loops_.logger().CountOf("redis is away") > 0; }));
  server_.Start();
  EXPECT_TRUE(IsUp());
  EXPECT_EQ(*AskNow({"PING"}), "PONG");
  EXPECT_EQ(loops_.logger().CountOf("redis is back"), 1);
}

TEST_F(RedisLinkTest, AFrozenServerCostsTheTimeoutOnce) {
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  {
    const auto frozen = server_.Freeze();
    EXPECT_EQ(AskNow({"PING"}).status().code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_FALSE(link().up());
    const MonotonicTime began = SystemClock().Now();
    constexpr int kCalls = 250;
    for (int i = 0; i < kCalls; ++i) {
      EXPECT_EQ(AskNow({"PING"}).status().code(), absl::StatusCode::kUnavailable);
    }
    EXPECT_LT(SystemClock().Now() - began, kCalls * config_.command_timeout / 2);  // of 10 s
  }
  EXPECT_TRUE(IsUp());
}

TEST_F(RedisLinkTest, RepliesThatNoCallWaitsForAreDroppedAfterAThaw) {
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  std::vector<std::future<Text>> late;
  {
    const auto frozen = server_.Freeze();
    for (int i = 0; i < 10; ++i) {
      late.push_back(loops_.Begin<Text>([this, i](RequestContext& context) {
        return Ask(link(), context, {"ECHO", "late" + std::to_string(i)});
      }));
    }
    for (auto& answer : late) EXPECT_FALSE(answer.get().ok());
  }
  ASSERT_TRUE(IsUp());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(*AskNow({"ECHO", std::to_string(i)}), std::to_string(i));
  }
}

TEST_F(RedisLinkTest, ReconnectsToAServerThatWasFrozenForLong) {
  config_.max_silence = milliseconds(100);
  config_.retry_max = milliseconds(100);
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  {
    const auto frozen = server_.Freeze();
    EXPECT_FALSE(AskNow({"PING"}).ok());
    ASSERT_TRUE(Eventually([this] { return loops_.logger().CountOf("redis is away") > 0; }));
  }
  EXPECT_TRUE(IsUp());
  EXPECT_EQ(*AskNow({"PING"}), "PONG");
}

TEST_F(RedisLinkTest, AKilledServerEndsWhatWaitsAndIsFoundAgain) {
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  std::future<Text> waiting = loops_.Begin<Text>([this](RequestContext& context) {
    return Ask(link(), context, {"BLPOP", "nothing", "0"});
  });
  server_.Kill();
  EXPECT_FALSE(waiting.get().ok());
  ASSERT_TRUE(Eventually([this] { return !link().up(); }));
  EXPECT_EQ(AskNow({"PING"}).status().code(), absl::StatusCode::kUnavailable);
  server_.Start();
  EXPECT_TRUE(IsUp());
}

// The deadline's timer runs before the descriptor is looked at.
TEST_F(RedisLinkTest, AReplyThatWaitsForALateLoopIsTaken) {
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  std::atomic<bool> sent{false};
  FunctionJob block([&] {
    sent = true;
    const MonotonicTime end = SystemClock().Now() + 5 * config_.command_timeout;
    while (SystemClock().Now() < end) {
    }
  });
  std::future<Text> answer = loops_.Begin<Text>([&](RequestContext& context) {
    context.loop.Hold(block);  // after the write at the end of the turn
    return Ask(link(), context, {"ECHO", "late"});
  });
  EXPECT_EQ(*answer.get(), "late");
  EXPECT_TRUE(sent);
  EXPECT_TRUE(link().up());
}

TEST_F(RedisLinkTest, RefusesCommandsBeyondItsBound) {
  config_.max_pending = 3;
  config_.command_timeout = milliseconds(500);
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  const auto frozen = server_.Freeze();
  std::vector<std::future<Text>> answers;
  for (int i = 0; i < 5; ++i) {
    answers.push_back(loops_.Begin<Text>(
        [this](RequestContext& context) { return Ask(link(), context, {"PING"}); }));
  }
  int refused = 0;
  for (auto& answer : answers) refused += absl::IsUnavailable(answer.get().status()) ? 1 : 0;
  EXPECT_EQ(refused, 2);
}

TEST_F(RedisLinkTest, ACallEndsAtItsRequestsDeadline) {
  config_.command_timeout = seconds(10);
  config_.max_silence = seconds(20);
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  const auto frozen = server_.Freeze();
  EXPECT_EQ(AskNow({"PING"}, milliseconds(20)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(AskNow({"PING"}, milliseconds(0)).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(RedisLinkTest, AScriptIsSentAsTextToAServerThatDoesNotKnowIt) {
  Connect(server_.server());
  ASSERT_TRUE(IsUp());
  const RedisScript script("return ARGV[1] .. KEYS[1]");
  const auto run = [&](const std::string& argument) {
    return loops_.Await<Text>([&, argument](RequestContext& context) -> Task<Text> {
      return [](Task<absl::StatusOr<RedisReply>> running) -> Task<Text> {
        const absl::StatusOr<RedisReply> reply = co_await running;
        if (!reply.ok()) co_return reply.status();
        co_return std::string(reply->text());
      }(RunScript(link(), context, script, {"key"}, {argument}));
    });
  };
  EXPECT_EQ(*run("a"), "akey");
  EXPECT_EQ(*run("b"), "bkey");
  server_.Ask({"SCRIPT", "FLUSH"});
  EXPECT_EQ(*run("c"), "ckey");
}

TEST_F(RedisLinkTest, CanBeDestroyedWhileItConnects) {
  const auto frozen = server_.Freeze();
  Connect(server_.server());
  for (int turn = 0; turn < 5; ++turn) loops_.Call([] {});
  loops_.Stop();
  redis_.reset();
}

// As at the end of a gateway whose Redis is away: the server, with timers of its own, is destroyed
// before the links, and the loop's queue still has both.
TEST(RedisLinkEndTest, TouchesNoTimerOfALoopThatHasEnded) {
  testing::FakeClock clock;
  testing::FakeLogger logger;
  const std::unique_ptr<Metrics> registry = MakeMetrics();
  testing::ManualExecutor loop(clock);
  RedisResolver resolver;
  RedisMetrics metrics("redis-test", *registry);
  auto other = std::make_unique<testing::FunctionTimer>([] {});
  loop.After(milliseconds(1), *other);
  {
    RedisServer nowhere;
    nowhere.address.unix_path = "/nonexistent/redis.sock";
    RedisLink link(nowhere, {}, loop, clock, resolver, logger, metrics);
    link.Start();
    loop.Run();
    ASSERT_EQ(loop.timers(), 2U);  // it is to try again
    other.reset();
  }
  EXPECT_EQ(loop.timers(), 2U);
}

}  // namespace
}  // namespace scaleout::gateway
