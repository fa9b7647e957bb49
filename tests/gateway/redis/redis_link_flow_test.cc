// A link to a server whose every read and write the test makes itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/redis/redis_link.h"
#include "tests/gateway/redis/loop_redis_fixture.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Eventually;
using testing::FunctionJob;

using Text = absl::StatusOr<std::string>;

// Sends the commands one after the other; the last one's reply.
Task<Text> AskInTurn(RedisLink& link, RequestContext& context,
                     std::vector<std::vector<std::string>> commands) {
  std::string last;
  for (const std::vector<std::string>& command : commands) {
    const std::vector<std::string_view> arguments(command.begin(), command.end());
    RedisCall call(link, context, arguments);
    const absl::StatusOr<RedisReply> reply = co_await call;
    if (!reply.ok()) co_return reply.status();
    last = reply->text();
  }
  co_return last;
}

class RedisLinkFlowTest : public ::testing::Test {
 protected:
  RedisLinkFlowTest() {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path_.path().copy(name.sun_path, sizeof(name.sun_path) - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
  }
  ~RedisLinkFlowTest() override {
    loops_.Stop();
    redis_.reset();
    if (peer_ >= 0) close(peer_);
    close(listener_);
  }

  // The server accepts the link and answers its greeting.
  void Connect() {
    RedisServer server;
    server.address.unix_path = path_.path();
    redis_.emplace("redis-test", server, config_, loops_.executors(), SystemClock(),
                   loops_.logger(), loops_.metrics());
    redis_->Start();
    loops_.Start();
    peer_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ASSERT_TRUE(Eventually([this] { return Read() > 0; }));
    Send("+PONG\r\n");
    ASSERT_TRUE(Eventually([this] { return link().up(); }));
  }
  RedisLink& link() { return redis_->Of(loops_.at(0)); }
  std::future<Text> Begin(std::vector<std::vector<std::string>> commands,
                          Duration deadline = seconds(10)) {
    return loops_.Begin<Text>(
        [this, commands = std::move(commands)](RequestContext& context) {
          return AskInTurn(link(), context, commands);
        },
        deadline);
  }

  // Reads what there is; how many bytes that were.
  std::size_t Read() {
    std::array<char, 1 << 16> bytes;
    std::size_t all = 0;
    for (;;) {
      const ssize_t size = recv(peer_, bytes.data(), bytes.size(), 0);
      if (size <= 0) return all;
      all += static_cast<std::size_t>(size);
    }
  }
  void Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(peer_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        text.remove_prefix(static_cast<std::size_t>(sent));
      } else {
        pollfd wait{.fd = peer_, .events = POLLOUT, .revents = 0};
        ASSERT_EQ(poll(&wait, 1, 10'000), 1);
      }
    }
  }

  const testing::SocketPath path_;
  int listener_ = -1;
  int peer_ = -1;
  RedisLinkConfig config_;
  testing::RunningLoops loops_{1};
  std::optional<LoopRedis> redis_;
};

// The connection is readable and writable in the same turn, and the reply's reader asks again: the
// write at the turn's end is then due already when another request asks, too.
TEST_F(RedisLinkFlowTest, DefersItsWriteOnceATurn) {
  config_.command_timeout = seconds(10);
  config_.max_silence = seconds(20);
  Connect();
  constexpr std::size_t kMoreThanTheSocketTakes = 2 << 20;
  std::future<Text> first =
      Begin({{"SET", "key", std::string(kMoreThanTheSocketTakes, 'x')}, {"PING"}});
  ASSERT_TRUE(Eventually([this] { return Read() > 0; }));

  std::promise<void> blocked;
  std::promise<void> go_on;
  FunctionJob block([&] {
    blocked.set_value();
    go_on.get_future().wait();
  });
  std::atomic<bool> ran{false};
  FunctionJob deferred([&] { ran = true; });
  FunctionJob defer([&] { loops_.at(0).Defer(deferred); });
  loops_.at(0).Post(block);
  blocked.get_future().wait();
  Send("+OK\r\n");
  Read();
  loops_.at(0).Post(defer);
  std::future<Text> second = Begin({{"PING"}});
  go_on.set_value();

  EXPECT_TRUE(Eventually([&] { return ran.load(); }));
  close(std::exchange(peer_, -1));
  EXPECT_FALSE(first.get().ok());
  EXPECT_FALSE(second.get().ok());
}

// The deadline's timer runs before the descriptor is looked at, and a read takes only a part.
TEST_F(RedisLinkFlowTest, ALargeReplyThatWaitsForALateLoopIsTaken) {
  Connect();
  const std::string value(100'000, 'x');
  std::promise<void> blocked;
  std::promise<void> go_on;
  FunctionJob block([&] {
    blocked.set_value();
    go_on.get_future().wait();
    const MonotonicTime end = SystemClock().Now() + 3 * config_.command_timeout;
    while (SystemClock().Now() < end) {
    }
  });
  std::future<Text> answer = loops_.Begin<Text>([&](RequestContext& context) {
    context.loop.Hold(block);  // after the write at the end of the turn
    return AskInTurn(link(), context, {{"GET", "key"}});
  });
  blocked.get_future().wait();
  Send("$100000\r\n" + value + "\r\n");
  go_on.set_value();
  const Text text = answer.get();
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, value);
  EXPECT_TRUE(link().up());
}

// Otherwise a client that gives its requests a millisecond would keep all others from the cache.
TEST_F(RedisLinkFlowTest, ACallerWithLittleTimeDoesNotStallTheLink) {
  config_.command_timeout = seconds(5);
  config_.max_silence = seconds(20);
  Connect();
  EXPECT_EQ(Begin({{"PING"}}, milliseconds(5)).get().status().code(),
            absl::StatusCode::kDeadlineExceeded);
  ASSERT_TRUE(link().up());
  EXPECT_GT(Read(), 0U);
  std::future<Text> patient = Begin({{"PING"}});
  ASSERT_TRUE(Eventually([this] { return Read() > 0; }));
  Send("+late\r\n+PONG\r\n");
  EXPECT_EQ(*patient.get(), "PONG");
}

TEST_F(RedisLinkFlowTest, CountsACommandByHowItEndedForItsCaller) {
  Connect();
  std::future<Text> late = Begin({{"PING"}});
  EXPECT_EQ(late.get().status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(link().up());
  Send("+PONG\r\n");
  ASSERT_TRUE(Eventually([this] { return link().up(); }));
  const auto count = [this](const std::string& outcome) {
    return loops_.metrics()
        .AddCounter("redis_commands_total", "", {{"server", "redis-test"}, {"outcome", outcome}})
        .value();
  };
  EXPECT_EQ(count("timed_out"), 1);
  EXPECT_EQ(count("answered"), 0);
}

}  // namespace
}  // namespace scaleout::gateway
