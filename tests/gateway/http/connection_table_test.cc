#include "gateway/http/connection_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <coroutine>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/runtime/member_job.h"
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
  void Hold(Job& job) override { rest_.Hold(job); }
  void AddHoldListener(HoldListener&) override {}
  void RemoveHoldListener(HoldListener&) override {}
  void After(Duration delay, TimerJob& timer) override { rest_.After(delay, timer); }
  void AfterFine(Duration delay, TimerJob& timer) override { rest_.AfterFine(delay, timer); }
  void Cancel(TimerJob& timer) override { rest_.Cancel(timer); }
  bool Watch(int fd, FdEvents interest, FdWatcher& watcher) override {
    return rest_.Watch(fd, interest, watcher);
  }
  void Unwatch(int fd) override { rest_.Unwatch(fd); }
  void EnterRoute(const RouteDescription&) override {}
  void LeaveRoute() override {}
  std::size_t index() const override { return 0; }

  // Whether the turns say that a client has closed its side.
  bool reports_ends = true;

  // A turn in which `fd` is reported as readable, as it is each time that bytes arrive.
  void TakeTurn(int fd) { TakeTurn(std::vector<int>{fd}); }
  void TakeTurn(const std::vector<int>& ready) {
    for (const int fd : ready) {
      const auto found = watchers_.find(fd);
      if (found == watchers_.end()) continue;
      pollfd state{fd, POLLRDHUP, 0};
      const bool ended = ::poll(&state, 1, 0) == 1;
      found->second->OnReady({.readable = true, .ended = ended && reports_ends});
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

// Answers at once, or holds the requests until the test answers them.
class Answering final : public ExchangeHandler {
 public:
  Task<Response> Serve(Exchange& exchange) override {
    ++begun;
    if (on_serve) on_serve();
    if (clock != nullptr) clock->Advance(takes);
    if (hold) {
      Held held(*this);
      co_await held;
    }
    cancelled = exchange.context.cancellation.cancelled();
    co_return Response(200, "answer");
  }
  void AnswerHeld() {
    for (const std::coroutine_handle<> serve : std::exchange(held_, {})) serve.resume();
  }

  std::function<void()> on_serve;
  testing::FakeClock* clock = nullptr;
  Duration takes{0};  // on `clock`, before it answers
  bool hold = false;
  bool cancelled = false;
  int begun = 0;

 private:
  struct Held {
    explicit Held(Answering& handler_in) : handler(handler_in) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> serve) { handler.held_.push_back(serve); }
    void await_resume() const noexcept {}
    Answering& handler;
  };

  std::vector<std::coroutine_handle<>> held_;
};

class ConnectionTableTest : public ::testing::Test {
 protected:
  ConnectionTableTest() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    const int size = 1 << 20;
    ::setsockopt(client(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    table.Add(server());
  }
  ~ConnectionTableTest() override {
    ::close(client());
    for (const int fd : other_clients) ::close(fd);
  }

  int client() const { return fds[0]; }
  int server() const { return fds[1]; }

  std::size_t Waiting() const {
    int bytes = 0;
    EXPECT_EQ(::ioctl(server(), FIONREAD, &bytes), 0);
    return static_cast<std::size_t>(bytes);
  }
  // Further connections, whose clients have sent `requests`. The server's descriptors.
  std::vector<int> AddClients(int count, std::string_view requests) {
    std::vector<int> servers;
    for (int i = 0; i < count; ++i) {
      std::array<int, 2> pair{};
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()),
                0);
      table.Add(pair[1]);
      other_clients.push_back(pair[0]);
      servers.push_back(pair[1]);
      EXPECT_GT(::send(pair[0], requests.data(), requests.size(), MSG_NOSIGNAL), 0);
    }
    return servers;
  }
  // As many of the bytes as the socket takes.
  std::size_t Send(std::string_view bytes) {
    const ssize_t sent = ::send(client(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    EXPECT_GT(sent, 0);
    return static_cast<std::size_t>(sent);
  }
  // How many bytes a turn reads.
  std::size_t ReadInATurn() {
    const std::size_t before = Waiting();
    loop.TakeTurn(server());
    return before - Waiting();
  }
  void ReadAnswers() {
    std::array<char, 4096> bytes;
    while (::recv(client(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
  }
  static std::string Requests(int count) {
    std::string requests;
    for (int i = 0; i < count; ++i) requests += "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    return requests;
  }

  testing::FakeClock clock;
  TurnByTurnLoop loop{clock};
  Answering handler;
  ConnectionLimits limits;
  int closed = 0;
  std::array<int, 2> fds{-1, -1};
  std::vector<int> other_clients;
  ConnectionTable table{loop, clock, limits, "i-1", handler, [this] { ++closed; }};
  MemberJob<ConnectionTable> close_idle{table, &ConnectionTable::CloseIdle};
};

TEST_F(ConnectionTableTest, ReadsAtMostItsBudgetInATurnHoweverMuchArrives) {
  Send("bad\r\n\r\n");  // is refused; what follows is read and thrown away
  loop.TakeTurn(server());
  Send(std::string(4 * kReadBytesPerTurn - 1, 'x'));
  for (int turn = 0; turn < 8; ++turn) {
    if (turn < 4) Send(std::string(4096, 'x'));
    EXPECT_LE(ReadInATurn(), kReadBytesPerTurn) << "in turn " << turn;
  }
  EXPECT_EQ(Waiting(), 0U) << "what is left is read in later turns";
}

TEST_F(ConnectionTableTest, SeesTheEndOfAConnectionThatLeftExactlyItsBudget) {
  Send("bad\r\n\r\n");
  loop.TakeTurn(server());
  Send(std::string(kReadBytesPerTurn, 'x'));
  ::shutdown(client(), SHUT_WR);
  for (int turn = 0; turn < 4 && closed == 0; ++turn) loop.TakeTurn(server());
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(ConnectionTableTest, BeginsAtMostItsBudgetOfPipelinedRequestsInATurn) {
  const int count = 20 * kRequestsPerTurn;
  Send(Requests(count));
  for (int turn = 1; handler.begun < count; ++turn) {
    loop.TakeTurn(server());
    ASSERT_EQ(handler.begun, turn * kRequestsPerTurn);
    ReadAnswers();
  }
}

TEST_F(ConnectionTableTest, ServesAPipelineOnWithoutAnyEventOfItsSocket) {
  const int count = 3 * kRequestsPerTurn;
  Send(Requests(count));
  loop.TakeTurn(server());
  loop.TakeTurn(-1);
  loop.TakeTurn(-1);
  EXPECT_EQ(handler.begun, count);
}

TEST_F(ConnectionTableTest, ReadsAConnectionWithARequestAtWorkNoFurtherThanItsBuffer) {
  handler.hold = true;
  const std::string requests = Requests(10'000);
  const std::size_t sent = Send(requests);
  for (int turn = 0; turn < 5; ++turn) loop.TakeTurn(server());
  EXPECT_EQ(handler.begun, 1);
  EXPECT_GE(Waiting(), sent - 2 * limits.head_bytes) << "the rest stays in the kernel";
  handler.hold = false;
  handler.AnswerHeld();
  for (int turn = 0; turn < 10'000 && Waiting() > 0; ++turn) {
    loop.TakeTurn(-1);
    ReadAnswers();
  }
  EXPECT_EQ(Waiting(), 0U) << "and is read once there is room, though no event says so";
}

TEST_F(ConnectionTableTest, NoticesAClientThatLeavesThoughItsBytesAreNotRead) {
  handler.hold = true;
  Send(Requests(10'000));
  loop.TakeTurn(server());
  ASSERT_GT(Waiting(), 0U);
  ::shutdown(client(), SHUT_WR);
  loop.TakeTurn(server());
  EXPECT_EQ(closed, 1);
  handler.AnswerHeld();
  EXPECT_TRUE(handler.cancelled);
}

TEST_F(ConnectionTableTest, AnswersAPipelineWhoseClientClosedItsSideBehindIt) {
  const int count = 3 * kRequestsPerTurn;
  Send(Requests(count));
  ::shutdown(client(), SHUT_WR);
  for (int turn = 0; turn < 5; ++turn) loop.TakeTurn(server());
  EXPECT_EQ(handler.begun, count) << "the requests came before the end";
  EXPECT_EQ(closed, 1);
}

TEST_F(ConnectionTableTest, SeesTheEndThatWasReportedWithTheLastBytes) {
  Send(Requests(1));
  ::shutdown(client(), SHUT_WR);
  loop.TakeTurn(server());
  EXPECT_EQ(handler.begun, 1);
  EXPECT_EQ(closed, 1) << "no event says so again";
}

TEST_F(ConnectionTableTest, SeesTheEndThatWasReportedWhileTheConnectionWaitedInTheQueue) {
  Send("bad\r\n\r\n");
  loop.TakeTurn(server());
  Send(std::string(2 * kReadBytesPerTurn - 1, 'x'));
  loop.TakeTurn(server());
  ::shutdown(client(), SHUT_WR);
  for (int turn = 0; turn < 3; ++turn) loop.TakeTurn(turn == 0 ? server() : -1);
  EXPECT_EQ(closed, 1);
}

// The second call would only say EAGAIN: it was a tenth of what a small request costs.
TEST_F(ConnectionTableTest, ReadsOnceWhereTheReadTookAllThereWas) {
  loop.reports_ends = false;
  Send(Requests(1));
  ::shutdown(client(), SHUT_WR);
  loop.TakeTurn(server());
  EXPECT_EQ(handler.begun, 1);
  EXPECT_EQ(closed, 0) << "a second read would have seen the end";
  loop.TakeTurn(server());
  EXPECT_EQ(closed, 1);
}

TEST_F(ConnectionTableTest, SendsTheAnswersOfSeveralConnectionsTogether) {
  const auto connections = static_cast<int>(kAnswersTogether) + 1;
  const std::vector<int> servers = AddClients(connections, Requests(1));
  const int first = other_clients.front();
  int waiting_at_second = -1;
  int waiting_at_last = -1;
  handler.on_serve = [&] {
    if (handler.begun == 2) ::ioctl(first, FIONREAD, &waiting_at_second);
    if (handler.begun == connections) ::ioctl(first, FIONREAD, &waiting_at_last);
  };
  loop.TakeTurn(servers);
  EXPECT_EQ(waiting_at_second, 0);
  EXPECT_GT(waiting_at_last, 0) << "a client waits for no more than kAnswersTogether";
  int waiting = 0;
  EXPECT_EQ(::ioctl(other_clients.back(), FIONREAD, &waiting), 0);
  EXPECT_GT(waiting, 0) << "nor longer than the turn";
}

TEST_F(ConnectionTableTest, SendsTheAnswerToAClientThatClosedItsSideAfterItsRequest) {
  Send(Requests(1));
  ::shutdown(client(), SHUT_WR);
  loop.TakeTurn(server());
  EXPECT_EQ(closed, 1);
  std::array<char, 4096> bytes;
  EXPECT_GT(::recv(client(), bytes.data(), bytes.size(), MSG_DONTWAIT), 0);
}

TEST_F(ConnectionTableTest, SendsTheAnswersOfATurnThatEndsWithTheCloseOfIdleConnections) {
  Send(Requests(1));
  handler.on_serve = [this] { loop.Defer(close_idle); };
  loop.TakeTurn(server());
  std::array<char, 4096> bytes;
  EXPECT_GT(::recv(client(), bytes.data(), bytes.size(), MSG_DONTWAIT), 0);
}

TEST_F(ConnectionTableTest, ServesABoundedNumberOfQueuedConnectionsInATurn) {
  const auto connections = static_cast<int>(2 * kQueuedPerTurn);
  const std::vector<int> servers = AddClients(connections, Requests(2 * kRequestsPerTurn));
  loop.TakeTurn(servers);
  ASSERT_EQ(handler.begun, connections * kRequestsPerTurn);
  loop.TakeTurn(-1);
  EXPECT_EQ(handler.begun, (connections + static_cast<int>(kQueuedPerTurn)) * kRequestsPerTurn);
  loop.TakeTurn(-1);
  EXPECT_EQ(handler.begun, 2 * connections * kRequestsPerTurn) << "in the end all are served";
}

TEST_F(ConnectionTableTest, ServesQueuedConnectionsForABoundedTimeInATurn) {
  const int connections = 8;
  const std::vector<int> servers = AddClients(connections, Requests(3));
  handler.clock = &clock;
  handler.takes = kQueueTimePerTurn / 4;  // longer than a connection's turn
  loop.TakeTurn(servers);
  ASSERT_EQ(handler.begun, connections);
  loop.TakeTurn(-1);
  EXPECT_EQ(handler.begun, connections + 4);
  loop.TakeTurn(-1);
  EXPECT_EQ(handler.begun, connections + 8) << "the others come first in the next turn";
  handler.takes = 2 * kQueueTimePerTurn;
  loop.TakeTurn(-1);
  EXPECT_EQ(handler.begun, connections + 9) << "one in any case";
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
