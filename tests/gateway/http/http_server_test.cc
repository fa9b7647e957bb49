#include "gateway/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/process_stats.h"
#include "gateway/async/task.h"
#include "tests/support/tcp_client.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::TcpClient;

// Waits for a condition that other threads bring about; the bound is generous because machines are
// slow.
template <typename Condition>
bool Eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

// Suspends a handler until the test lets it go on, from another thread, as a gRPC callback would.
class Gate {
 public:
  explicit Gate(std::atomic<bool>& cancelled) : cancelled_(cancelled) {}

  Task<void> Wait(RequestContext& context) {
    Awaiter awaiter(*this, context);
    co_await awaiter;
  }
  bool occupied() const { return waiting_.load() != nullptr; }
  void Open() {
    Eventually([this] { return LetGo(); });
  }

 private:
  class Awaiter final : public Job, public CancelListener {
   public:
    Awaiter(Gate& gate, RequestContext& context) : gate_(gate), context_(context) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      context_.cancellation.Add(*this);
      gate_.loop_ = &context_.loop;
      gate_.waiting_ = this;
    }
    void await_resume() const noexcept {}
    void Run() override { handle_.resume(); }
    void OnCancel() override { gate_.cancelled_ = true; }

   private:
    Gate& gate_;
    RequestContext& context_;
    std::coroutine_handle<> handle_;
  };

  bool LetGo() {
    Awaiter* awaiter = waiting_.exchange(nullptr);
    if (awaiter == nullptr) return false;
    loop_.load()->Post(*awaiter);
    return true;
  }

  std::atomic<Awaiter*> waiting_{nullptr};
  std::atomic<Executor*> loop_{nullptr};
  std::atomic<bool>& cancelled_;
};

class HttpServerTest : public ::testing::Test {
 protected:
  void StartServer(std::size_t loops, HttpServerOptions options = {}) {
    absl::StatusOr<ListenSocket> socket = ListenSocket::Open("127.0.0.1:0", 128);
    ASSERT_TRUE(socket.ok()) << socket.status();
    port = socket->port();
    options.pipeline.instance_id = "test-1";
    std::vector<LoopLagMonitor*> pointers;
    for (std::size_t i = 0; i < loops; ++i) {
      monitors.push_back(std::make_unique<LoopLagMonitor>(SystemClock(), i, *metrics));
      pointers.push_back(monitors.back().get());
    }
    limiter.emplace(ConcurrencyLimiterConfig(), routes.routes().size() + 1, loops, SystemClock());
    server = std::make_unique<HttpServer>(
        options, *std::move(socket),
        PipelineParts{routes, SystemClock(), *metrics, *logger, stats, *limiter}, pointers);
    ASSERT_TRUE(server->Start().ok());
  }

  // Without a grace period.
  std::future<bool> StartDraining(milliseconds refusal = milliseconds(0)) {
    return std::async(std::launch::async, [this, refusal] {
      return server->Drain({milliseconds(0), seconds(20), refusal});
    });
  }

  Route MakeRoute(std::string path, Handler handler, std::int64_t body_bytes = 0) {
    RouteLimits limits;
    limits.body_bytes = body_bytes;
    return Route{body_bytes > 0 ? Method::kPost : Method::kGet,
                 std::move(path),
                 Access::kPublic,
                 limits,
                 std::move(handler),
                 Admission::kNormal};
  }

  std::vector<Route> MakeRoutes() {
    std::vector<Route> rows;
    rows.push_back(
        MakeRoute("/hello", [](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
          co_return Response(200, "hello");
        }));
    rows.push_back(
        MakeRoute("/big", [](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
          co_return Response(200, std::string(8 << 20, 'x'));
        }));
    rows.push_back(MakeRoute(
        "/block", [this](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
          blocked = true;
          unblock.get_future().wait();
          co_return Response(200, "unblocked");
        }));
    rows.push_back(MakeRoute(
        "/wait", [this](RequestContext& context, const Request&) -> Task<absl::StatusOr<Response>> {
          Task<void> wait = gate.Wait(context);
          co_await wait;
          co_return Response(200, context.loop.OnLoop() ? "on its loop" : "elsewhere");
        }));
    rows.push_back(
        MakeRoute("/throw", [](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
          throw std::runtime_error("secret");
          co_return Response();
        }));
    rows.push_back(MakeRoute("/throw42",
                             [](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
                               throw 42;
                               co_return Response();
                             }));
    rows.push_back(MakeRoute(
        "/echo",
        [](RequestContext&, const Request& request) -> Task<absl::StatusOr<Response>> {
          co_return Response(200, request.body);
        },
        1000));
    return rows;
  }

  std::string Get(std::string_view path) {
    TcpClient client(port);
    client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return client.ReadResponse();
  }

  std::promise<void> unblock;
  std::atomic<bool> blocked{false};
  std::atomic<bool> cancelled{false};
  Gate gate{cancelled};
  std::unique_ptr<Metrics> metrics = MakeMetrics();
  std::unique_ptr<Logger> logger = MakeNullLogger();
  RequestStats stats;
  std::optional<ConcurrencyLimiter> limiter;
  RouteTable routes{MakeRoutes()};
  std::vector<std::unique_ptr<LoopLagMonitor>> monitors;
  std::uint16_t port = 0;
  std::unique_ptr<HttpServer> server;
};

TEST_F(HttpServerTest, AnswersOverTcp) {
  StartServer(1);
  const std::string response = Get("/hello");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("X-Instance-Id: test-1"));
  EXPECT_THAT(response, EndsWith("hello"));
}

TEST_F(HttpServerTest, AnExceptionIsA500AndTheProcessLives) {
  StartServer(1);
  for (const char* path : {"/throw", "/throw42"}) {
    const std::string response = Get(path);
    EXPECT_THAT(response, StartsWith("HTTP/1.1 500"));
    EXPECT_THAT(response, ::testing::Not(HasSubstr("secret")));
  }
  EXPECT_THAT(Get("/hello"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, ABlockedLoopTakesNoNewConnections) {
  StartServer(2);
  TcpClient victim(port);
  victim.Send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return blocked.load(); }));
  for (int i = 0; i < 200; ++i) ASSERT_THAT(Get("/hello"), EndsWith("hello"));
  unblock.set_value();
  EXPECT_THAT(victim.ReadResponse(), EndsWith("unblocked"));
}

TEST_F(HttpServerTest, TheLagOfABlockedLoopIsSeenWhileItIsBlocked) {
  StartServer(1);
  TcpClient victim(port);
  victim.Send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return blocked.load(); }));
  EXPECT_TRUE(Eventually(
      [this] { return monitors[0]->CurrentLag(SystemClock().Now()) > milliseconds(100); }));
  unblock.set_value();
  victim.ReadResponse();
  EXPECT_TRUE(Eventually(
      [this] { return monitors[0]->CurrentLag(SystemClock().Now()) < milliseconds(50); }));
}

TEST_F(HttpServerTest, AHandlerGoesOnOnItsOwnLoop) {
  StartServer(2);
  TcpClient client(port);
  client.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  gate.Open();
  EXPECT_THAT(client.ReadResponse(), EndsWith("on its loop"));
}

TEST_F(HttpServerTest, AClientThatLeavesCancelsItsRequest) {
  StartServer(1);
  TcpClient client(port);
  client.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
  client.Abort();
  EXPECT_TRUE(Eventually([this] { return cancelled.load(); }));
  gate.Open();
  EXPECT_TRUE(Eventually([this] { return stats.active.value() == 0; }));
}

TEST_F(HttpServerTest, AnotherClientNeverGetsTheAnswerOfOneThatLeft) {
  StartServer(1);
  for (int i = 0; i < 20; ++i) {
    TcpClient leaver(port);
    leaver.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
    leaver.Abort();
    TcpClient other(port);
    other.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    gate.Open();
    EXPECT_THAT(other.ReadResponse(), EndsWith("hello"));
  }
}

TEST_F(HttpServerTest, ASlowReaderOfALargeAnswerHoldsNobodyUp) {
  StartServer(1);
  TcpClient slow(port);
  slow.Send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  for (int i = 0; i < 20; ++i) EXPECT_THAT(Get("/hello"), EndsWith("hello"));
  const std::string response = slow.ReadResponse();
  EXPECT_GT(response.size(), std::size_t{8} << 20);
}

TEST_F(HttpServerTest, KilledClientsLeaveNoDescriptorBehind) {
  StartServer(2);
  Get("/hello");
  ASSERT_TRUE(Eventually([this] { return stats.active.value() == 0; }));
  const std::int64_t before = ReadProcessStats().open_fds;
  for (int i = 0; i < 60; ++i) {
    TcpClient client(port);
    client.Send(i % 3 == 0   ? "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                : i % 3 == 1 ? "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"
                             : "GET /hel");
    client.Abort();
  }
  EXPECT_TRUE(Eventually([before] { return ReadProcessStats().open_fds <= before; }))
      << ReadProcessStats().open_fds;
}

TEST_F(HttpServerTest, ALoopThatIsFullAcceptsAgainWhenSomebodyLeaves) {
  HttpServerOptions options;
  options.max_connections = 2;
  StartServer(1, options);
  auto first = std::make_unique<TcpClient>(port);
  TcpClient second(port);
  first->Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  second.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(first->ReadResponse(), EndsWith("hello"));
  EXPECT_THAT(second.ReadResponse(), EndsWith("hello"));
  TcpClient third(port);  // the kernel completes the handshake, nobody answers
  third.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  first.reset();
  EXPECT_THAT(third.ReadResponse(), EndsWith("hello"));
}

TEST_F(HttpServerTest, ADrainFinishesWhatIsInFlight) {
  StartServer(2);
  TcpClient busy(port);
  busy.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  TcpClient idle(port);
  idle.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  idle.ReadResponse();
  ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
  std::future<bool> drained = StartDraining();
  EXPECT_EQ(idle.ReadToEnd(), "") << "an idle connection is closed";
  gate.Open();
  const std::string answer = busy.ReadToEnd();
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_THAT(answer, EndsWith("on its loop"));
  busy.Close();
  EXPECT_TRUE(drained.get());
}

TEST_F(HttpServerTest, ADrainRefusesConnectionsWhileItFinishes) {
  StartServer(2);
  TcpClient busy(port);
  busy.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
  std::future<bool> drained = StartDraining();
  EXPECT_TRUE(Eventually([this] { return !TcpClient(port).connected(); }));
  gate.Open();
  EXPECT_THAT(busy.ReadToEnd(), EndsWith("on its loop"));
  busy.Close();
  EXPECT_TRUE(drained.get());
}

TEST_F(HttpServerTest, AnIdleServerRefusesBeforeItEnds) {
  StartServer(1);
  std::future<bool> drained = StartDraining(/*refusal=*/milliseconds(1000));
  EXPECT_TRUE(Eventually([this] { return !TcpClient(port).connected(); }));
  EXPECT_EQ(drained.wait_for(milliseconds(0)), std::future_status::timeout);
  EXPECT_TRUE(drained.get());
}

TEST_F(HttpServerTest, ADrainServesWhatWaitedToBeAccepted) {
  StartServer(1);
  TcpClient victim(port);
  victim.Send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return blocked.load(); }));
  std::vector<std::unique_ptr<TcpClient>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(std::make_unique<TcpClient>(port));
    waiting.back()->Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  std::future<bool> drained = StartDraining();
  EXPECT_EQ(drained.wait_for(milliseconds(50)), std::future_status::timeout);
  unblock.set_value();
  for (const auto& client : waiting) EXPECT_THAT(client->ReadToEnd(), EndsWith("hello"));
  victim.ReadToEnd();
  EXPECT_TRUE(drained.get());
}

TEST_F(HttpServerTest, ADrainGivesUpAtItsTimeout) {
  StartServer(1);
  TcpClient busy(port);
  busy.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
  EXPECT_FALSE(server->Drain({milliseconds(0), milliseconds(50)}));
  gate.Open();
  EXPECT_THAT(busy.ReadToEnd(), EndsWith("on its loop"));
}

TEST(ListenSocket, SaysWhatIsWrong) {
  EXPECT_EQ(ListenSocket::Open("nonsense", 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ListenSocket::Open("127.0.0.1:70000", 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  absl::StatusOr<ListenSocket> first = ListenSocket::Open("127.0.0.1:0", 1);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(TcpClient(first->port()).connected()) << "it does not listen yet";
  ASSERT_TRUE(first->Listen().ok());
  EXPECT_TRUE(TcpClient(first->port()).connected());
  const std::string taken = "127.0.0.1:" + std::to_string(first->port());
  EXPECT_EQ(ListenSocket::Open(taken, 1).status().code(), absl::StatusCode::kUnavailable);
}

TEST(ListenSocket, SpeaksIpv6) { EXPECT_TRUE(ListenSocket::Open("[::]:0", 1).ok()); }

}  // namespace
}  // namespace scaleout::gateway
