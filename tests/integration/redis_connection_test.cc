#include "redis/redis_connection.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/clock.h"
#include "tests/integration/private_redis.h"

namespace scaleout {
namespace {

using ::testing::HasSubstr;
using testing::PrivateRedis;
using ::testing::SizeIs;

constexpr std::chrono::seconds kLimit{20};

// Whether it became ready.
bool WaitFor(const RedisConnection& connection, short events) {
  pollfd wait{.fd = connection.fd(), .events = events, .revents = 0};
  return ::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kLimit).count())) > 0;
}

struct Exchanged {
  std::vector<RedisReply> replies;
  absl::Status end;  // OK: there are as many as were wanted
};

// As an owner does it: until there are `count` replies or the connection has ended.
Exchanged Exchange(RedisConnection& connection, std::size_t count) {
  Exchanged result;
  const auto ends = [&result](absl::Status status) {
    result.end = std::move(status);
    return !result.end.ok();
  };
  while (result.replies.size() < count) {
    if (ends(connection.Flush())) return result;
    const bool sent = connection.unsent() == 0;
    if (!WaitFor(connection, static_cast<short>(sent ? POLLIN : POLLIN | POLLOUT))) {
      result.end = absl::DeadlineExceededError("not ready in time");
      return result;
    }
    const absl::Status received = connection.Receive();
    while (true) {
      auto reply = connection.TakeReply();
      if (ends(reply.status())) return result;
      if (!reply->has_value()) break;
      result.replies.push_back(**std::move(reply));
    }
    if (result.replies.size() < count && ends(received)) return result;
  }
  return result;
}

std::unique_ptr<RedisConnection> ConnectTo(const RedisServer& server) {
  auto connection = RedisConnection::Connect(server.address);
  EXPECT_TRUE(connection.ok()) << connection.status();
  (*connection)->Append({"AUTH", server.password});
  const Exchanged auth = Exchange(**connection, 1);
  EXPECT_TRUE(auth.end.ok()) << auth.end;
  EXPECT_EQ(auth.replies.at(0).text(), "OK");
  return *std::move(connection);
}

class RedisConnectionTest : public ::testing::TestWithParam<bool> {
 protected:
  // With the default action: a broken connection has to be a status.
  RedisConnectionTest() { std::signal(SIGPIPE, SIG_DFL); }

  RedisServer server() const { return GetParam() ? redis_.tcp_server() : redis_.server(); }

  PrivateRedis redis_{{.tcp = true}};
};

INSTANTIATE_TEST_SUITE_P(Over, RedisConnectionTest, ::testing::Bool(),
                         [](const auto& over) { return over.param ? "Tcp" : "Unix"; });

TEST_P(RedisConnectionTest, AnswersTenThousandPipelinedCommandsInOrder) {
  const auto connection = ConnectTo(server());
  constexpr std::size_t kCommands = 10'000;
  for (std::size_t i = 0; i < kCommands; ++i) {
    connection->Append({"ECHO", std::to_string(i)});
  }
  const Exchanged result = Exchange(*connection, kCommands);
  ASSERT_TRUE(result.end.ok()) << result.end;
  for (std::size_t i = 0; i < kCommands; ++i) {
    ASSERT_EQ(result.replies[i].text(), std::to_string(i));
  }
  EXPECT_EQ(connection->unsent(), 0U);
}

TEST_P(RedisConnectionTest, CarriesAnyBytes) {
  const auto connection = ConnectTo(server());
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (const std::string& value :
       {bytes, std::string(), std::string("\r\n"), std::string(1'000'000, '\0')}) {
    connection->Append({"SET", bytes, value});
    connection->Append({"GET", bytes});
    const Exchanged result = Exchange(*connection, 2);
    ASSERT_TRUE(result.end.ok()) << result.end;
    EXPECT_TRUE(result.replies[1].is_text());
    EXPECT_TRUE(result.replies[1].text() == value);
  }
}

TEST_P(RedisConnectionTest, AnswersErrorsAsReplies) {
  auto connection = RedisConnection::Connect(server().address);
  ASSERT_TRUE(connection.ok()) << connection.status();
  (*connection)->Append({"AUTH", "wrong"});
  (*connection)->Append({"GET", "k"});
  const Exchanged result = Exchange(**connection, 2);
  ASSERT_TRUE(result.end.ok()) << result.end;
  EXPECT_TRUE(absl::IsPermissionDenied(result.replies[0].status()));
  EXPECT_TRUE(absl::IsPermissionDenied(result.replies[1].status()));
}

TEST_P(RedisConnectionTest, SendsNothingBeforeFlush) {
  const auto connection = ConnectTo(server());
  connection->Append({"INCR", "k"});
  EXPECT_EQ(connection->unsent(), std::string_view("*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n").size());
  EXPECT_TRUE(redis_.Ask({"GET", "k"}).is_nil());
  ASSERT_TRUE(connection->Flush().ok());
  EXPECT_EQ(connection->unsent(), 0U);
  EXPECT_EQ(Exchange(*connection, 1).replies.at(0).integer(), 1);
}

TEST_P(RedisConnectionTest, GivesLastReplyOfServerThatCloses) {
  const auto connection = ConnectTo(server());
  connection->Append({"QUIT"});
  const Exchanged result = Exchange(*connection, 2);
  ASSERT_THAT(result.replies, SizeIs(1));
  EXPECT_EQ(result.replies[0].text(), "OK");
  EXPECT_TRUE(absl::IsUnavailable(result.end)) << result.end;
}

TEST_P(RedisConnectionTest, ReportsServerThatWasKilled) {
  const auto connection = ConnectTo(server());
  redis_.Kill();
  connection->Append({"PING"});
  EXPECT_TRUE(absl::IsUnavailable(Exchange(*connection, 1).end));
  // Sending to a connection that is closed at the other end raises SIGPIPE, if anything does.
  const std::string value(100'000, 'v');
  absl::Status sent;
  for (int i = 0; i < 3 && sent.ok(); ++i) {
    connection->Append({"SET", "k", value});
    sent = connection->Flush();
  }
  EXPECT_TRUE(absl::IsUnavailable(sent)) << sent;
}

TEST_P(RedisConnectionTest, BlocksNowhereWhileServerIsFrozen) {
  const auto connection = ConnectTo(server());
  const std::string value(1 << 20, 'v');
  constexpr std::size_t kCommands = 32;
  {
    const auto frozen = redis_.Freeze();
    for (std::size_t i = 0; i < kCommands; ++i) {
      connection->Append({"ECHO", value});
      ASSERT_TRUE(connection->Flush().ok());
    }
    EXPECT_GT(connection->unsent(), 0U);
    ASSERT_TRUE(connection->Receive().ok());
    const auto reply = connection->TakeReply();
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_FALSE(reply->has_value());
  }
  const Exchanged result = Exchange(*connection, kCommands);
  ASSERT_TRUE(result.end.ok()) << result.end;
  for (const RedisReply& reply : result.replies) EXPECT_TRUE(reply.text() == value);
}

// All replies together may be larger than the limit of one.
TEST_P(RedisConnectionTest, LimitsEachReplyAndNotTheirSum) {
  const auto connection = ConnectTo(server());
  const std::string value(RedisConnection::kMaxReplyBytes / 2, 'v');
  for (int i = 0; i < 3; ++i) connection->Append({"ECHO", value});
  EXPECT_TRUE(Exchange(*connection, 3).end.ok());
}

TEST_P(RedisConnectionTest, HasDescriptorThatNeitherBlocksNorIsInherited) {
  const auto connection = ConnectTo(server());
  EXPECT_NE(::fcntl(connection->fd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(connection->fd(), F_GETFL) & O_NONBLOCK, 0);
  if (GetParam()) {
    int on = 0;
    socklen_t size = sizeof(on);
    ASSERT_EQ(::getsockopt(connection->fd(), IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    EXPECT_NE(on, 0);
  }
}

TEST_P(RedisConnectionTest, IsRefusedWithoutServer) {
  const RedisServer stopped = server();
  redis_.Stop();
  auto connection = RedisConnection::Connect(stopped.address);
  absl::Status status = connection.status();
  if (connection.ok()) {
    ASSERT_TRUE(WaitFor(**connection, POLLOUT));
    status = (*connection)->Flush();
  }
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot connect"));
}

}  // namespace
}  // namespace scaleout
