// Reads and writes through the cache over a server that answers anything but what was asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <future>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "gateway/cache/read_cache.h"
#include "tests/gateway/backends/cached_verb_fixture.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using testing::ReadOutcome;
using testing::SmallGateway;

// Lets every connection in, and answers each command with one of its answers, in two parts.
// One connection at a time.
class GarbageRedis {
 public:
  GarbageRedis() {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path_.path().copy(name.sun_path, sizeof(name.sun_path) - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }
  ~GarbageRedis() {
    thread_.request_stop();
    thread_.join();
    close(listener_);
  }
  GarbageRedis(const GarbageRedis&) = delete;
  GarbageRedis& operator=(const GarbageRedis&) = delete;

  RedisServer server() const {
    RedisServer server;
    server.address.unix_path = path_.path();
    return server;
  }

 private:
  static bool CanRead(int fd) {
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&wait, 1, 10) == 1;
  }
  static void Send(int fd, std::string_view text) {
    (void)!send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }

  void Run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (!CanRead(listener_)) continue;
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      Serve(fd, stop);
      close(fd);
    }
  }

  void Serve(int fd, const std::stop_token& stop) {
    std::string bytes(1 << 16, '\0');
    bool greeted = false;
    while (!stop.stop_requested()) {
      if (!CanRead(fd)) continue;
      const ssize_t size = recv(fd, bytes.data(), bytes.size(), 0);
      if (size <= 0) return;
      if (!std::exchange(greeted, true)) {
        Send(fd, "+PONG\r\n");
        continue;
      }
      const std::string_view commands(bytes.data(), static_cast<std::size_t>(size));
      for (std::size_t at = 0; at != std::string_view::npos; at = commands.find("\n*", at + 1)) {
        const std::string_view answer = kAnswers[random_() % kAnswers.size()];
        if (answer.empty()) return;
        const std::size_t cut = random_() % answer.size();
        Send(fd, answer.substr(0, cut));
        Send(fd, answer.substr(cut));
      }
    }
  }

  static constexpr std::array<std::string_view, 24> kAnswers = {
      "",  // it closes the connection
      "$-1\r\n",
      "*-1\r\n",
      "*0\r\n",
      ":7\r\n",
      "+OK\r\n",
      "+OK\r\n+OK\r\n",
      "$5\r\nab",
      "*3\r\n$-1\r\n$-1\r\n$-1\r\n",
      "*3\r\n$-1\r\n$8\r\n12345678\r\n$8\r\n12345678\r\n",
      "*2\r\n$8\r\n12345678\r\n$8\r\n12345678\r\n",
      "*2\r\n$3\r\nabc\r\n$8\r\n12345678\r\n",
      "*3\r\n:5\r\n*1\r\n$1\r\nx\r\n-ERR no\r\n",
      "*3\r\n$1\r\n1\r\n$8\r\n12345678\r\n$8\r\n12345678\r\n",
      "-NOSCRIPT no\r\n",
      "-WRONGTYPE no\r\n",
      "-OOM no\r\n",
      "-READONLY no\r\n",
      "-LOADING no\r\n",
      "-\r\n",
      "nonsense\r\n",
      "*99999999\r\n",
      "$999999999999\r\n",
      "\r\n\r\n",
  };

  const testing::SocketPath path_;
  int listener_ = -1;
  std::mt19937 random_{11};  // NOLINT: the same each time
  std::jthread thread_;
};

TEST(ReadCacheGarbageTest, NoRequestFailsWhateverRedisAnswers) {
  testing::TextService service;
  service.Set("a", "0");
  const GarbageRedis redis;
  RedisLinkConfig link;
  link.command_timeout = milliseconds(10);
  link.max_silence = milliseconds(20);
  link.retry_min = link.retry_max = milliseconds(1);
  SmallGateway gateway(service, redis.server(), {.lock_wait = milliseconds(5)}, link);
  int rounds = 0;
  for (int misses = 0; misses < 5; ++rounds) {
    std::vector<std::future<ReadOutcome>> reads;
    for (int i = 0; i < 4; ++i) reads.push_back(gateway.BeginRead("a", i == 3));
    for (auto& read : reads) {
      const ReadOutcome outcome = read.get();
      ASSERT_EQ(outcome.text, std::to_string(rounds / 20));
      misses += outcome.result() == CacheResult::kMiss ? 1 : 0;
    }
    if (rounds % 20 != 19) continue;
    const std::string value = std::to_string((rounds + 1) / 20);
    EXPECT_TRUE(gateway.Write("a", value).ok());
    EXPECT_EQ(gateway.Read("a").text, value);
  }
}

}  // namespace
}  // namespace scaleout::gateway
