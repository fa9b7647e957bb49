// Peers that are no Redis, and servers that no connection can be made to.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "redis/redis_connection.h"
#include "tests/support/socket_path.h"

namespace scaleout {
namespace {

using ::testing::HasSubstr;

RedisAddress PathOf(std::string path) {
  return {.unix_path = std::move(path), .host = "", .port = 0};
}

// A socket that listens, and what connected to it.
class Listener {
 public:
  Listener(const sockaddr* address, socklen_t size, int backlog)
      : fd_(socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(bind(fd_, address, size), 0);
    EXPECT_EQ(listen(fd_, backlog), 0);
  }
  ~Listener() {
    Close();
    close(fd_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int fd() const { return fd_; }
  void Accept() { peer_ = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }
  void Close() {
    if (peer_ >= 0) close(peer_);
    peer_ = -1;
  }
  // How much of it the peer's socket took.
  std::size_t Send(std::string_view bytes) const {
    const ssize_t sent = send(peer_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }

 private:
  const int fd_;
  int peer_ = -1;
};

std::unique_ptr<Listener> ListenOn(const std::string& path, int backlog = 16) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  return std::make_unique<Listener>(reinterpret_cast<const sockaddr*>(&name), sizeof(name),
                                    backlog);
}

class RedisConnectionPeerTest : public ::testing::Test {
 protected:
  RedisConnectionPeerTest() { peer_->Accept(); }

  // How many whole replies the connection makes of what the peer sends.
  absl::StatusOr<int> Feed(std::string_view bytes) {
    int replies = 0;
    while (!bytes.empty()) {
      bytes.remove_prefix(peer_->Send(bytes));
      absl::Status received = connection_->Receive();
      if (!received.ok()) return received;
      while (true) {
        const auto reply = connection_->TakeReply();
        if (!reply.ok()) return reply.status();
        if (!reply->has_value()) break;
        ++replies;
      }
    }
    return FeedRest(replies);
  }

  // A message of how many bytes it may be, or "".
  std::string Refusal(std::string_view bytes) {
    const absl::Status status = Feed(bytes).status();
    EXPECT_TRUE(status.ok() || absl::IsInternal(status)) << status;
    return std::string(status.message());
  }

  testing::SocketPath path_;
  std::unique_ptr<Listener> peer_ = ListenOn(path_.path());
  std::unique_ptr<RedisConnection> connection_ =
      RedisConnection::Connect(PathOf(path_.path())).value();

 private:
  // What is left in the socket: Receive takes a part at a time.
  absl::StatusOr<int> FeedRest(int replies) {
    for (int i = 0; i < 64; ++i) {
      absl::Status received = connection_->Receive();
      if (!received.ok()) return received;
      while (true) {
        const auto reply = connection_->TakeReply();
        if (!reply.ok()) return reply.status();
        if (!reply->has_value()) break;
        ++replies;
      }
    }
    return replies;
  }
};

TEST_F(RedisConnectionPeerTest, GivesReplyOnceItIsWhole) {
  const std::string_view whole = "*2\r\n$3\r\nabc\r\n:1\r\n";
  for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
    ASSERT_EQ(Feed(whole.substr(i, 1)).value(), 0) << i;
  }
  EXPECT_EQ(Feed(whole.substr(whole.size() - 1)).value(), 1);
}

TEST_F(RedisConnectionPeerTest, GivesEachOfManyRepliesThatCameTogether) {
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += "+OK\r\n";
  EXPECT_EQ(Feed(many).value(), 20'000);
}

TEST_F(RedisConnectionPeerTest, RefusesWhatIsNoReplyForGood) {
  EXPECT_THAT(Refusal("HTTP/1.1 400 Bad Request\r\n\r\n"), HasSubstr("no reply"));
  EXPECT_THAT(Refusal("+OK\r\n"), HasSubstr("no reply"));
}

TEST_F(RedisConnectionPeerTest, RefusesBadLength) {
  EXPECT_THAT(Refusal("$-2\r\n"), HasSubstr("no reply"));
}

TEST_F(RedisConnectionPeerTest, ReportsEndWithinReply) {
  ASSERT_EQ(Feed("$5\r\nab").value(), 0);
  peer_->Close();
  EXPECT_TRUE(absl::IsUnavailable(connection_->Receive()));
  EXPECT_FALSE(connection_->TakeReply().value().has_value());
}

TEST_F(RedisConnectionPeerTest, TakesReplyUpToLimit) {
  const std::string header = "$16777203\r\n";
  const std::string whole =
      header + std::string(RedisConnection::kMaxReplyBytes - header.size() - 2, 'v') + "\r\n";
  ASSERT_EQ(whole.size(), RedisConnection::kMaxReplyBytes);
  // What came before it does not count.
  ASSERT_EQ(Feed("+OK\r\n" + whole.substr(0, whole.size() - 1)).value(), 1);
  EXPECT_EQ(Feed(whole.substr(whole.size() - 1)).value(), 1);
}

// It announces more than any value of Redis may have; that must not be allocated.
TEST_F(RedisConnectionPeerTest, RefusesReplyBeyondLimit) {
  const std::string value(RedisConnection::kMaxReplyBytes - 100, 'v');
  ASSERT_EQ(Feed("$536870912\r\n" + value).value(), 0);
  EXPECT_THAT(Refusal(std::string(100, 'v')), HasSubstr("16777216 bytes"));
}

TEST_F(RedisConnectionPeerTest, RefusesLongReplyOfShortElements) {
  std::string value = "*1000000\r\n";
  while (value.size() < RedisConnection::kMaxReplyBytes) {
    value += "$100\r\n" + std::string(100, 'v') + "\r\n";
  }
  EXPECT_THAT(Refusal(value + value.substr(10)), HasSubstr("16777216 bytes"));
}

TEST_F(RedisConnectionPeerTest, RefusesLineBeyondLimit) {
  const std::string line(RedisConnection::kMaxLineBytes, 'v');
  ASSERT_EQ(Feed("+" + line).value(), 0);
  EXPECT_THAT(Refusal("v"), HasSubstr("65536 bytes"));
}

TEST_F(RedisConnectionPeerTest, TakesArrayUpToLimitOfElements) {
  EXPECT_EQ(Refusal("*1048576\r\n"), "");
}

TEST_F(RedisConnectionPeerTest, RefusesArrayBeyondLimitOfElements) {
  EXPECT_THAT(Refusal("*1048577\r\n"), HasSubstr("1048576 elements"));
}

TEST_F(RedisConnectionPeerTest, RefusesLongestArrayThatHiredisTakes) {
  EXPECT_THAT(Refusal("*2147483647\r\n"), HasSubstr("1048576 elements"));
}

TEST_F(RedisConnectionPeerTest, TakesArraysUpToLimitOfDepth) {
  EXPECT_EQ(Feed("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:7\r\n").value(), 1);
}

TEST_F(RedisConnectionPeerTest, RefusesArraysBeyondLimitOfDepth) {
  EXPECT_NE(Refusal("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:7\r\n"), "");
}

TEST(RedisConnectionConnect, FailsAtOnceWhereBacklogOfUnixSocketIsFull) {
  const testing::SocketPath path;
  const auto listener = ListenOn(path.path(), /*backlog=*/0);
  std::vector<std::unique_ptr<RedisConnection>> connections;
  absl::Status status;
  while (status.ok() && connections.size() < 16) {
    auto connection = RedisConnection::Connect(PathOf(path.path()));
    status = connection.status();
    if (connection.ok()) connections.push_back(*std::move(connection));
  }
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

// The kernel takes no more than the backlog and drops what comes after; to connect takes a second
// at least then, and these are tried before.
TEST(RedisConnectionConnect, WaitsForNothingWhileConnecting) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const Listener listener(reinterpret_cast<const sockaddr*>(&name), sizeof(name), /*backlog=*/0);
  socklen_t size = sizeof(name);
  ASSERT_EQ(getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  const RedisAddress address{.unix_path = "", .host = "127.0.0.1", .port = ntohs(name.sin_port)};
  std::vector<std::unique_ptr<RedisConnection>> connections;
  bool waits = false;
  while (!waits && connections.size() < 16) {
    connections.push_back(RedisConnection::Connect(address).value());
    RedisConnection& connection = *connections.back();
    connection.Append({"PING"});
    ASSERT_TRUE(connection.Flush().ok());
    ASSERT_TRUE(connection.Receive().ok());
    EXPECT_FALSE(connection.TakeReply().value().has_value());
    waits = connection.unsent() > 0;
  }
  EXPECT_TRUE(waits);
}

TEST(RedisConnectionConnect, TakesNoHostName) {
  const RedisAddress named{.unix_path = "", .host = "localhost", .port = 1};
  const absl::Status status = RedisConnection::Connect(named).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no IP address"));
}

TEST(RedisConnectionConnect, RefusesPathThatIsTooLong) {
  const absl::Status status = RedisConnection::Connect(PathOf(std::string(108, '/'))).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("107 bytes"));
}

}  // namespace
}  // namespace scaleout
