#include "redis/redis_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tests/integration/fake_redis.h"
#include "tests/integration/private_redis.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::Eventually;
using testing::FakeClock;
using testing::FakeRedis;
using ::testing::HasSubstr;
using testing::PrivateRedis;

// Of tests that do not let it pass.
constexpr Duration kLong = 60s;
constexpr RedisClientOptions kPatient = {
    .connect_timeout = kLong, .command_timeout = kLong, .retry_pause = 500ms};
// Of tests that do. A machine that is slow may need several attempts where the server answers.
constexpr RedisClientOptions kImpatient = {
    .connect_timeout = 50ms, .command_timeout = 50ms, .retry_pause = 0ms};

class RedisClientTest : public ::testing::Test {
 protected:
  PrivateRedis redis_{{.tcp = true}};
  FakeClock clock_;
  RedisClient client_{redis_.server(), kPatient, clock_};
};

TEST_F(RedisClientTest, AsksOverUnixSocketAndTcp) {
  EXPECT_FALSE(client_.connected());
  ASSERT_EQ(client_.Ask({"SET", "k", "v"}).value().text(), "OK");
  EXPECT_TRUE(client_.connected());
  RedisClient over_tcp(redis_.tcp_server(), kPatient, clock_);
  EXPECT_EQ(over_tcp.Ask({"GET", "k"}).value().text(), "v");
}

TEST_F(RedisClientTest, CarriesLargeArgumentsAndReplies) {
  const std::string value(4 << 20, 'v');
  ASSERT_TRUE(client_.Ask({"SET", "k", value}).ok());
  EXPECT_TRUE(client_.Ask({"GET", "k"}).value().text() == value);
}

TEST_F(RedisClientTest, AnswersErrorAsStatusAndStaysConnected) {
  ASSERT_TRUE(client_.Ask({"SET", "k", "text"}).ok());
  const absl::Status status = client_.Ask({"INCR", "k"}).status();
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("not an integer"));
  EXPECT_TRUE(client_.connected());
  EXPECT_EQ(client_.Ask({"GET", "k"}).value().text(), "text");
}

TEST_F(RedisClientTest, IsRefusedWithWrongPasswordOrNone) {
  for (const std::string password : {"wrong", ""}) {
    RedisServer server = redis_.server();
    server.password = password;
    RedisClient client(server, kPatient, clock_);
    EXPECT_TRUE(absl::IsPermissionDenied(client.Ask({"PING"}).status())) << password;
    EXPECT_EQ(client.connected(), password.empty());
  }
}

TEST_F(RedisClientTest, FailsAtOnceWithinRetryPause) {
  redis_.Stop();
  EXPECT_TRUE(absl::IsUnavailable(client_.Ask({"PING"}).status()));
  redis_.Start();
  clock_.Advance(499ms);
  const absl::Status early = client_.Ask({"PING"}).status();
  EXPECT_TRUE(absl::IsUnavailable(early));
  EXPECT_THAT(std::string(early.message()), HasSubstr("next attempt"));
  clock_.Advance(1ms);
  EXPECT_TRUE(client_.Ask({"PING"}).ok());
}

// A restart between two commands costs neither of them.
TEST_F(RedisClientTest, ReplacesConnectionThatServerHasClosed) {
  ASSERT_TRUE(client_.Ask({"PING"}).ok());
  redis_.Kill();
  redis_.Start();
  clock_.Advance(500ms);
  EXPECT_TRUE(client_.Ask({"PING"}).ok());
}

TEST_F(RedisClientTest, EndsCommandAtItsDeadlineWhileServerIsFrozen) {
  RedisClient client(redis_.server(), kImpatient, SystemClock());
  ASSERT_TRUE(Eventually([&] { return client.Ask({"PING"}).ok(); }));
  const auto frozen = redis_.Freeze();
  EXPECT_TRUE(absl::IsDeadlineExceeded(client.Ask({"PING"}).status()));
  EXPECT_FALSE(client.connected());
}

TEST_F(RedisClientTest, EndsPasswordAtItsDeadlineWhileServerIsFrozen) {
  RedisClient client(redis_.server(), kImpatient, SystemClock());
  const auto frozen = redis_.Freeze();
  EXPECT_TRUE(absl::IsDeadlineExceeded(client.Ask({"PING"}).status()));
  EXPECT_FALSE(client.connected());
}

// A late reply to a command that was given up must not answer the next one.
TEST_F(RedisClientTest, TakesNoReplyOfEarlierCommand) {
  RedisClient client(redis_.server(), kImpatient, SystemClock());
  ASSERT_TRUE(Eventually([&] { return client.Ask({"PING"}).ok(); }));
  {
    const auto frozen = redis_.Freeze();
    ASSERT_TRUE(absl::IsDeadlineExceeded(client.Ask({"ECHO", "first"}).status()));
  }
  ASSERT_TRUE(Eventually([&] {
    const auto reply = client.Ask({"ECHO", "second"});
    if (!reply.ok()) return false;
    EXPECT_EQ(reply->text(), "second");
    return true;
  }));
}

TEST_F(RedisClientTest, RunsScriptByHashAndByTextAfterServerForgotIt) {
  const RedisScript script("return {redis.call('INCR', KEYS[1]), ARGV[1], ARGV[2]}");
  constexpr std::array<std::string_view, 1> keys = {"k"};
  constexpr std::array<std::string_view, 2> arguments = {"a", "b"};
  int runs = 0;
  const auto run = [&] {
    ++runs;
    const auto reply = client_.Run(script, keys, arguments);
    ASSERT_TRUE(reply.ok()) << reply.status();
    ASSERT_EQ(reply->size(), 3U);
    EXPECT_EQ(reply->at(0).integer(), runs);
    EXPECT_EQ(reply->at(2).text(), "b");
  };
  run();
  EXPECT_EQ(redis_.CountCalls("eval"), 1);
  run();
  EXPECT_EQ(redis_.CountCalls("eval"), 1);
  redis_.Ask({"SCRIPT", "FLUSH"});
  run();
  EXPECT_EQ(redis_.CountCalls("eval"), 2);
}

TEST_F(RedisClientTest, DoesNotRepeatScriptThatFailed) {
  const RedisScript script("redis.call('INCR', KEYS[1]) return redis.error_reply('ERR no')");
  constexpr std::array<std::string_view, 1> keys = {"k"};
  for (int runs = 1; runs <= 2; ++runs) {
    EXPECT_TRUE(absl::IsInternal(client_.Run(script, keys, {}).status()));
    EXPECT_EQ(redis_.Ask({"GET", "k"}).text(), std::to_string(runs));
  }
}

TEST(RedisClientLoading, IsUnavailableWhileServerLoads) {
  PrivateRedis redis({.tcp = false, .configuration = {"rdbcompression no"}});
  FakeClock clock;
  RedisClient client(redis.server(), kPatient, clock);
  const std::string value(1000, 'v');
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(client.Ask({"SET", std::to_string(i), value}).ok());
  }
  redis.Ask({"SAVE"});
  redis.Stop();
  // 10 ms for each key: 10 s, unless the server is ended before.
  redis.Start({"key-load-delay 10000", "loading-process-events-interval-bytes 1024"});
  clock.Advance(kPatient.retry_pause);
  const absl::Status status = client.Ask({"GET", "1"}).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("LOADING"));
  EXPECT_TRUE(client.connected());
}

// Bytes that keep coming must not put the deadline off.
TEST(RedisClientWithFakeServer, EndsCommandAtItsDeadlineWhileReplyTricklesIn) {
  FakeRedis fake({.answers = {"$1000000\r\n"}, .then_trickle = true});
  RedisClient client({fake.address(), ""}, kImpatient, SystemClock());
  EXPECT_TRUE(absl::IsDeadlineExceeded(client.Ask({"GET", "k"}).status()));
}

TEST(RedisClientWithFakeServer, DoesNotRepeatCommandWhoseConnectionBroke) {
  FakeRedis fake({.answers = {"+partial"}, .then_close = true});
  FakeClock clock;
  RedisClient client({fake.address(), ""}, kPatient, clock);
  EXPECT_TRUE(absl::IsUnavailable(client.Ask({"INCR", "k"}).status()));
  EXPECT_FALSE(client.connected());
  EXPECT_THAT(fake.Received(), ElementsAre("*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n"));
}

TEST(RedisClientWithFakeServer, GivesConnectionUpThatIsNoRedis) {
  FakeRedis fake({.answers = {"HTTP/1.1 400 Bad Request\r\n\r\n"}});
  FakeClock clock;
  RedisClient client({fake.address(), ""}, kPatient, clock);
  EXPECT_TRUE(absl::IsInternal(client.Ask({"PING"}).status()));
  EXPECT_FALSE(client.connected());
}

TEST(RedisClientWithFakeServer, IsUnavailableWithoutServer) {
  FakeClock clock;
  const RedisAddress nowhere{.unix_path = "/nonexistent/s", .host = "", .port = 0};
  RedisClient client({nowhere, ""}, kPatient, clock);
  EXPECT_TRUE(absl::IsUnavailable(client.Ask({"PING"}).status()));
}

}  // namespace
}  // namespace scaleout
