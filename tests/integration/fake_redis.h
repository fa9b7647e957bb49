// A server that sends what a test says, in place of a Redis: on a Unix socket, on a thread of its
// own, gone with the object.
//
// It serves one connection at a time. To whatever it receives first it sends its first answer, to
// the next its second, and so on, counted over all connections.
#ifndef SCALEOUT_TESTS_INTEGRATION_FAKE_REDIS_H_
#define SCALEOUT_TESTS_INTEGRATION_FAKE_REDIS_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "redis/redis_address.h"
#include "tests/support/socket_path.h"

namespace scaleout::testing {

struct FakeRedisOptions {
  std::vector<std::string> answers = {};
  // After the last answer: it closes the connection, or sends a byte every millisecond.
  bool then_close = false;
  bool then_trickle = false;
};

class FakeRedis {
 public:
  explicit FakeRedis(FakeRedisOptions options) : options_(std::move(options)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path_.path().copy(name.sun_path, sizeof(name.sun_path) - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stop_ = eventfd(0, EFD_CLOEXEC);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    thread_ = std::thread([this] { Run(); });
  }
  ~FakeRedis() {
    const std::uint64_t one = 1;
    EXPECT_EQ(write(stop_, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
    thread_.join();
    close(listener_);
    close(stop_);
  }
  FakeRedis(const FakeRedis&) = delete;
  FakeRedis& operator=(const FakeRedis&) = delete;

  RedisAddress address() const { return {.unix_path = path_.path(), .host = "", .port = 0}; }

  // What each read gave.
  std::vector<std::string> Received() {
    const std::lock_guard lock(mutex_);
    return received_;
  }

 private:
  // Whether `fd` can be read within the limit; false also when the server is to end.
  bool CanRead(int fd, int limit_ms) {
    std::array<pollfd, 2> waits = {pollfd{.fd = fd, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = stop_, .events = POLLIN, .revents = 0}};
    poll(waits.data(), waits.size(), limit_ms);
    stopping_ = waits[1].revents != 0;
    return !stopping_ && waits[0].revents != 0;
  }

  void Run() {
    while (CanRead(listener_, -1)) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      Serve(fd);
      close(fd);
    }
  }

  void Serve(int fd) {
    while (!stopping_) {
      const bool over = answered_ == options_.answers.size();
      if (over && options_.then_close) return;
      const bool trickles = over && options_.then_trickle;
      if (CanRead(fd, trickles ? 1 : -1)) {
        std::string bytes(1 << 16, '\0');
        const ssize_t size = recv(fd, bytes.data(), bytes.size(), 0);
        if (size <= 0) return;
        bytes.resize(static_cast<std::size_t>(size));
        const std::lock_guard lock(mutex_);
        received_.push_back(bytes);
        if (!over) Send(fd, options_.answers[answered_++]);
      } else if (trickles) {
        Send(fd, "x");
      }
    }
  }

  static void Send(int fd, const std::string& text) {
    (void)!send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }

  const FakeRedisOptions options_;
  const SocketPath path_;
  int listener_ = -1;
  int stop_ = -1;
  bool stopping_ = false;
  std::size_t answered_ = 0;
  std::mutex mutex_;
  std::vector<std::string> received_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_FAKE_REDIS_H_
