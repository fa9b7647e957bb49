#include "tests/load/open_loop.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace scaleout::load {
namespace {

using namespace std::chrono_literals;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Answers every request with what the test says, a thread for each connection; an empty answer
// closes the connection.
class Server {
 public:
  using Answer = std::function<std::string(const std::string& request)>;

  explicit Server(Answer answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) < 0 ||
        listen(listener_, 512) < 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) < 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~Server() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    for (std::thread& thread : threads_) thread.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const { return port_; }
  // The request lines in the order of their arrival.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Accept() {
    while (true) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      threads_.emplace_back([this, fd] {
        Serve(fd);
        close(fd);
      });
    }
  }

  void Serve(int fd) {
    std::array<char, 4096> buffer;
    while (true) {
      const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
      if (count <= 0) return;
      const std::string request(buffer.data(), static_cast<std::size_t>(count));
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request.substr(0, request.find("\r\n")));
      }
      const std::string answer = answer_(request);
      if (answer.empty()) return;
      if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
    }
  }

  const Answer answer_;
  int listener_ = -1;
  int port_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
};

// Holds an answer for so long.
void Hold(Duration length) {
  std::promise<void> never;
  never.get_future().wait_for(length);
}

OpenLoopReport SendLoad(const Server& server, OpenLoopOptions options = {}) {
  options.port = server.port();
  if (options.rate == 0) options.rate = 500;
  absl::StatusOr<OpenLoopReport> report = RunOpenLoop(options, SystemClock());
  EXPECT_TRUE(report.ok()) << report.status();
  return *std::move(report);
}

TEST(OpenLoop, SendsAsManyRequestsAsTheRateSays) {
  Server server([](const std::string&) { return kOk; });
  const OpenLoopReport report = SendLoad(server, {.rate = 1000});
  // Poisson: 1000 with a deviation of 32.
  EXPECT_GT(report.requests, 850);
  EXPECT_LT(report.requests, 1150);
  EXPECT_EQ(report.failed, 0);
  EXPECT_EQ(std::ssize(report.latencies), report.requests);
  EXPECT_EQ(std::ssize(server.requests()), report.requests);
}

TEST(OpenLoop, SendsTheSameRequestsForTheSameSeed) {
  const OpenLoopOptions options{.path = "/users/%d", .length = 200ms, .max_connections = 1};
  Server first([](const std::string&) { return kOk; });
  SendLoad(first, options);
  Server second([](const std::string&) { return kOk; });
  SendLoad(second, options);
  EXPECT_GT(first.requests().size(), 10u);
  EXPECT_EQ(first.requests(), second.requests());
  EXPECT_NE(first.requests()[0], first.requests()[1]);
  OpenLoopOptions other = options;
  other.seed = 2;
  Server third([](const std::string&) { return kOk; });
  SendLoad(third, other);
  EXPECT_NE(first.requests(), third.requests());
}

TEST(OpenLoop, ChargesAStallToEveryRequestThatArrivedMeanwhile) {
  std::atomic<int> count = 0;
  Server server([&](const std::string&) {
    if (++count == 1) Hold(300ms);
    return kOk;
  });
  const OpenLoopReport report = SendLoad(server, {.rate = 200, .max_connections = 1});
  EXPECT_EQ(report.failed, 0);
  EXPECT_EQ(report.connections, 1);
  // About 60 arrive in 300 ms, and wait for half of that on average.
  EXPECT_GT(report.waited, 20);
  std::int64_t slow = 0;
  for (const Duration latency : report.latencies) slow += latency > 100ms ? 1 : 0;
  EXPECT_GT(slow, 10);
  EXPECT_GT(OpenLoopReport::PercentileMs(report.latencies, 0.99), 200);
}

TEST(OpenLoop, OpensAConnectionWhereAllAreBusy) {
  Server server([](const std::string&) {
    Hold(20ms);
    return kOk;
  });
  const OpenLoopReport report = SendLoad(server, {.rate = 100, .length = 2500ms});
  EXPECT_GT(report.connections, 1);
  EXPECT_LT(report.connections, report.requests);
  EXPECT_EQ(report.waited, 0);
  EXPECT_EQ(report.failed, 0);
  EXPECT_GE(OpenLoopReport::PercentileMs(report.latencies, 0.01), 20);
}

TEST(OpenLoop, CountsErrorsAndRequestsWithoutAnAnswer) {
  const OpenLoopOptions options{.length = 200ms, .patience = 100ms};
  for (const std::string answer :
       {"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", "nonsense\r\n\r\n", "",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"}) {
    Server server([&](const std::string&) { return answer; });
    const OpenLoopReport report = SendLoad(server, options);
    EXPECT_GT(report.requests, 10) << answer;
    EXPECT_EQ(report.failed, report.requests) << answer;
    EXPECT_TRUE(report.latencies.empty()) << answer;
  }
}

TEST(OpenLoop, FailsRequestsThatReachNoServer) {
  int port = 0;
  {
    Server gone([](const std::string&) { return kOk; });
    port = gone.port();
  }
  const absl::StatusOr<OpenLoopReport> report =
      RunOpenLoop({.port = port, .path = "/", .rate = 500, .length = 100ms}, SystemClock());
  ASSERT_TRUE(report.ok());
  EXPECT_GT(report->requests, 10);
  EXPECT_EQ(report->failed, report->requests);
}

TEST(OpenLoop, OpensAnotherConnectionAfterOneThatTheServerCloses) {
  Server server([](const std::string&) {
    return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  });
  const OpenLoopReport report = SendLoad(server, {.length = 200ms, .max_connections = 1});
  EXPECT_EQ(report.failed, 0);
  EXPECT_EQ(report.connections, report.requests);
}

TEST(OpenLoop, TakesPercentilesByRank) {
  EXPECT_EQ(OpenLoopReport::PercentileMs({}, 0.5), 0);
  EXPECT_EQ(OpenLoopReport::PercentileMs({3ms, 1ms, 2ms}, 0.5), 2);
  EXPECT_EQ(OpenLoopReport::PercentileMs({3ms, 1ms, 2ms}, 0.99), 3);
  EXPECT_EQ(OpenLoopReport::PercentileMs({3ms, 1ms, 2ms}, 0), 1);
}

}  // namespace
}  // namespace scaleout::load
