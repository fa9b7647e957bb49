#include "gateway/http/connection_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"

namespace scaleout::gateway {
namespace {

// An event loop whose turns the test takes one by one: what was posted, then what was deferred.
class TurnByTurnLoop final : public EventLoop {
 public:
  explicit TurnByTurnLoop(const Clock& clock) : rest_(clock) {}

  void Start() override {}
  void Stop() override {}
  void OnEachTick(std::function<void(Duration)>) override {}
  LoopLagMonitor& monitor() override { return monitor_; }
  bool AddPeer(int fd, FdWatcher& watcher) override {
    watchers_[fd] = &watcher;
    return true;
  }
  void WatchWritable(int) override {}
  void ClosePeer(int fd) override {
    watchers_.erase(fd);
    ::close(fd);
  }
  std::size_t ready_in_turn() const override { return 0; }

  void Post(Job& job) override { posted_.push_back(&job); }
  void Defer(Job& job) override { deferred_.push_back(&job); }
  void After(Duration delay, TimerJob& timer) override { rest_.After(delay, timer); }
  void Cancel(TimerJob& timer) override { rest_.Cancel(timer); }
  bool Watch(int fd, FdEvents interest, FdWatcher& watcher) override {
    return rest_.Watch(fd, interest, watcher);
  }
  void Unwatch(int fd) override { rest_.Unwatch(fd); }
  void EnterRoute(const RouteDescription&) override {}
  void LeaveRoute() override {}
  bool OnLoop() const override { return true; }
  std::size_t index() const override { return 0; }

  // A turn in which `fd` is reported as readable, as it is each time that bytes arrive.
  void TakeTurn(int fd) {
    if (const auto found = watchers_.find(fd); found != watchers_.end()) {
      found->second->OnReady({.readable = true});
    }
    for (Job* job : std::exchange(posted_, {})) job->Run();
    for (Job* job : std::exchange(deferred_, {})) job->Run();
  }

 private:
  testing::ManualExecutor rest_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  LoopLagMonitor monitor_{SystemClock(), 0, *metrics_};
  std::map<int, FdWatcher*> watchers_;
  std::vector<Job*> posted_;
  std::vector<Job*> deferred_;
};

// Answers at once.
class Answering final : public ExchangeHandler {
 public:
  Task<Response> Serve(Exchange&) override { co_return Response(200, "answer"); }
};

class ConnectionTableTest : public ::testing::Test {
 protected:
  ConnectionTableTest() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    const int size = 1 << 20;
    ::setsockopt(client(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    table.Add(server());
  }
  ~ConnectionTableTest() override { ::close(client()); }

  int client() const { return fds[0]; }
  int server() const { return fds[1]; }

  std::size_t Waiting() const {
    int bytes = 0;
    EXPECT_EQ(::ioctl(server(), FIONREAD, &bytes), 0);
    return static_cast<std::size_t>(bytes);
  }
  // As much of `size` bytes as the socket takes.
  void Send(std::size_t size) {
    const std::string bytes(size, 'x');
    EXPECT_GT(::send(client(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
  }
  // How many bytes a turn reads in which `arriving` more have arrived.
  std::size_t ReadInATurn(std::size_t arriving) {
    if (arriving > 0) Send(arriving);
    const std::size_t before = Waiting();
    loop.TakeTurn(server());
    return before - Waiting();
  }

  testing::FakeClock clock;
  TurnByTurnLoop loop{clock};
  Answering handler;
  ConnectionLimits limits;
  int closed = 0;
  std::array<int, 2> fds{-1, -1};
  ConnectionTable table{loop, clock, limits, "i-1", handler, [this] { ++closed; }};
};

TEST_F(ConnectionTableTest, ReadsAtMostItsBudgetInATurnHoweverMuchArrives) {
  Send(4 * kReadBytesPerTurn - 1);
  for (int turn = 0; turn < 8; ++turn) {
    EXPECT_LE(ReadInATurn(turn < 4 ? 4096 : 0), kReadBytesPerTurn) << "in turn " << turn;
  }
  EXPECT_EQ(Waiting(), 0U) << "what is left is read in later turns";
}

TEST_F(ConnectionTableTest, SeesTheEndOfAConnectionThatLeftExactlyItsBudget) {
  Send(kReadBytesPerTurn);
  ::shutdown(client(), SHUT_WR);
  for (int turn = 0; turn < 4 && closed == 0; ++turn) loop.TakeTurn(server());
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(ConnectionTableTest, ClosesAConnectionOnceAtTheEndOfTheTurn) {
  table.CloseIdle();
  table.CloseIdle();
  EXPECT_EQ(table.size(), 1U) << "not within the turn";
  loop.TakeTurn(server());
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(closed, 1);
}

}  // namespace
}  // namespace scaleout::gateway
