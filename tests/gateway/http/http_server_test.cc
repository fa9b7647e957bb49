#include "gateway/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/process_stats.h"
#include "gateway/runtime/task.h"
#include "tests/support/fake_logger.h"
#include "tests/support/socket_path.h"
#include "tests/support/stream_client.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::StreamClient;

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

enum class Family { kTcp, kUnix };

// Every test over TCP and over a Unix socket.
class HttpServerTest : public ::testing::TestWithParam<Family> {
 protected:
  void StartServer(std::size_t count, HttpServerOptions options = {}) {
    absl::StatusOr<ListenSocket> socket =
        ListenSocket::Open(GetParam() == Family::kTcp ? "127.0.0.1:0" : socket_path.target(), 128);
    ASSERT_TRUE(socket.ok()) << socket.status();
    address = socket->address();
    ListenSockets sockets;
    sockets.push_back(*std::move(socket));
    if (further) sockets.push_back(*std::exchange(further, std::nullopt));
    options.instance_id = "test-1";
    loops.emplace(count, SystemClock(), logger, *metrics);
    limiter.emplace(ConcurrencyLimiterConfig(), routes.size(), count, SystemClock());
    server = std::make_unique<HttpServer>(
        options, *loops, std::move(sockets),
        PipelineParts{routes, SystemClock(), *metrics, logger, stats, *limiter});
    ASSERT_TRUE(server->Start().ok());
    loops->Start();
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
    StreamClient client(address);
    client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return client.ReadResponse();
  }

  std::promise<void> unblock;
  std::atomic<bool> blocked{false};
  std::atomic<bool> cancelled{false};
  Gate gate{cancelled};
  std::unique_ptr<Metrics> metrics = MakeMetrics();
  testing::FakeLogger logger;
  RequestStats stats;
  std::optional<ConcurrencyLimiter> limiter;
  RouteTable routes{MakeRoutes()};
  std::optional<EventLoops> loops;
  testing::SocketPath socket_path;
  std::optional<ListenSocket> further;  // beside the one that StartServer opens
  std::string address;
  std::unique_ptr<HttpServer> server;
};

TEST_P(HttpServerTest, Answers) {
  StartServer(1);
  const std::string response = Get("/hello");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("X-Instance-Id: test-1"));
  EXPECT_THAT(response, EndsWith("hello"));
}

TEST_P(HttpServerTest, ServesEveryAddressAndRefusesOnAllWhenItDrains) {
  const testing::SocketPath other_path;
  absl::StatusOr<ListenSocket> other = ListenSocket::Open(other_path.target(), 128);
  ASSERT_TRUE(other.ok()) << other.status();
  further.emplace(*std::move(other));
  StartServer(2);
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<StreamClient>(i % 2 == 0 ? address : other_path.target()));
    clients.back()->Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  for (const auto& client : clients) EXPECT_THAT(client->ReadResponse(), EndsWith("hello"));
  std::future<bool> drained = StartDraining(/*refusal=*/milliseconds(1000));
  EXPECT_TRUE(Eventually([this] { return !StreamClient(address).connected(); }));
  EXPECT_TRUE(Eventually([&] { return !StreamClient(other_path.target()).connected(); }));
  EXPECT_TRUE(drained.get());
}

TEST_P(HttpServerTest, AnExceptionIsA500AndTheProcessLives) {
  StartServer(1);
  for (const char* path : {"/throw", "/throw42"}) {
    const std::string response = Get(path);
    EXPECT_THAT(response, StartsWith("HTTP/1.1 500"));
    EXPECT_THAT(response, ::testing::Not(HasSubstr("secret")));
  }
  EXPECT_THAT(Get("/hello"), StartsWith("HTTP/1.1 200"));
}

TEST_P(HttpServerTest, ABlockedLoopTakesNoNewConnections) {
  StartServer(2);
  StreamClient victim(address);
  victim.Send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return blocked.load(); }));
  for (int i = 0; i < 200; ++i) ASSERT_THAT(Get("/hello"), EndsWith("hello"));
  unblock.set_value();
  EXPECT_THAT(victim.ReadResponse(), EndsWith("unblocked"));
}

TEST_P(HttpServerTest, TheLagOfABlockedLoopIsSeenWhileItIsBlocked) {
  StartServer(1);
  StreamClient victim(address);
  victim.Send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return blocked.load(); }));
  EXPECT_TRUE(Eventually([this] {
    return loops->at(0).monitor().CurrentLag(SystemClock().Now()) > milliseconds(100);
  }));
  unblock.set_value();
  victim.ReadResponse();
  EXPECT_TRUE(Eventually([this] {
    return loops->at(0).monitor().CurrentLag(SystemClock().Now()) < milliseconds(50);
  }));
}

TEST_P(HttpServerTest, AHandlerGoesOnOnItsOwnLoop) {
  StartServer(2);
  StreamClient client(address);
  client.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  gate.Open();
  EXPECT_THAT(client.ReadResponse(), EndsWith("on its loop"));
}

TEST_P(HttpServerTest, AClientThatLeavesCancelsItsRequest) {
  StartServer(1);
  StreamClient client(address);
  client.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
  client.Abort();
  EXPECT_TRUE(Eventually([this] { return cancelled.load(); }));
  gate.Open();
  EXPECT_TRUE(Eventually([this] { return stats.active.value() == 0; }));
}

TEST_P(HttpServerTest, AnotherClientNeverGetsTheAnswerOfOneThatLeft) {
  StartServer(1);
  for (int i = 0; i < 20; ++i) {
    StreamClient leaver(address);
    leaver.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
    leaver.Abort();
    StreamClient other(address);
    other.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    gate.Open();
    EXPECT_THAT(other.ReadResponse(), EndsWith("hello"));
  }
}

TEST_P(HttpServerTest, ASlowReaderOfALargeAnswerHoldsNobodyUp) {
  StartServer(1);
  StreamClient slow(address);
  slow.Send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  for (int i = 0; i < 20; ++i) EXPECT_THAT(Get("/hello"), EndsWith("hello"));
  const std::string response = slow.ReadResponse();
  EXPECT_GT(response.size(), std::size_t{8} << 20);
}

TEST_P(HttpServerTest, KilledClientsLeaveNoDescriptorBehind) {
  StartServer(2);
  Get("/hello");
  ASSERT_TRUE(Eventually([this] { return stats.active.value() == 0; }));
  const std::int64_t before = ReadProcessStats().open_fds;
  for (int i = 0; i < 60; ++i) {
    StreamClient client(address);
    client.Send(i % 3 == 0   ? "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                : i % 3 == 1 ? "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"
                             : "GET /hel");
    client.Abort();
  }
  EXPECT_TRUE(Eventually([before] { return ReadProcessStats().open_fds <= before; }))
      << ReadProcessStats().open_fds;
}

TEST_P(HttpServerTest, ALoopThatIsFullAcceptsAgainWhenSomebodyLeaves) {
  HttpServerOptions options;
  options.max_connections = 2;
  StartServer(1, options);
  auto first = std::make_unique<StreamClient>(address);
  StreamClient second(address);
  first->Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  second.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(first->ReadResponse(), EndsWith("hello"));
  EXPECT_THAT(second.ReadResponse(), EndsWith("hello"));
  StreamClient third(address);  // the kernel completes the handshake, nobody answers
  third.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  first.reset();
  EXPECT_THAT(third.ReadResponse(), EndsWith("hello"));
}

TEST_P(HttpServerTest, AcceptsAgainOnceTheProcessHasDescriptors) {
  StartServer(1);
  ASSERT_THAT(Get("/hello"), EndsWith("hello"));
  ASSERT_TRUE(Eventually([this] { return stats.active.value() == 0; }));
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  StreamClient waiting(address);
  waiting.Send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return blocked.load(); }));
  StreamClient client(address);  // waits in the kernel's queue while the loop is blocked
  client.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  rlimit none = usual;
  none.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  unblock.set_value();
  EXPECT_THAT(waiting.ReadResponse(), EndsWith("unblocked"));
  EXPECT_TRUE(Eventually([this] { return logger.Find("cannot accept").has_value(); }));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  EXPECT_THAT(client.ReadResponse(), EndsWith("hello"));
}

TEST_P(HttpServerTest, ADrainFinishesWhatIsInFlight) {
  StartServer(2);
  StreamClient busy(address);
  busy.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  StreamClient idle(address);
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

TEST_P(HttpServerTest, ADrainRefusesConnectionsWhileItFinishes) {
  StartServer(2);
  StreamClient busy(address);
  busy.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
  std::future<bool> drained = StartDraining();
  EXPECT_TRUE(Eventually([this] { return !StreamClient(address).connected(); }));
  gate.Open();
  EXPECT_THAT(busy.ReadToEnd(), EndsWith("on its loop"));
  busy.Close();
  EXPECT_TRUE(drained.get());
}

TEST_P(HttpServerTest, AnIdleServerRefusesBeforeItEnds) {
  StartServer(1);
  std::future<bool> drained = StartDraining(/*refusal=*/milliseconds(1000));
  EXPECT_TRUE(Eventually([this] { return !StreamClient(address).connected(); }));
  EXPECT_EQ(drained.wait_for(milliseconds(0)), std::future_status::timeout);
  EXPECT_TRUE(drained.get());
}

TEST_P(HttpServerTest, ADrainServesWhatWaitedToBeAccepted) {
  StartServer(1);
  StreamClient victim(address);
  victim.Send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return blocked.load(); }));
  std::vector<std::unique_ptr<StreamClient>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(std::make_unique<StreamClient>(address));
    waiting.back()->Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  std::future<bool> drained = StartDraining();
  EXPECT_EQ(drained.wait_for(milliseconds(50)), std::future_status::timeout);
  unblock.set_value();
  for (const auto& client : waiting) EXPECT_THAT(client->ReadToEnd(), EndsWith("hello"));
  victim.ReadToEnd();
  EXPECT_TRUE(drained.get());
}

TEST_P(HttpServerTest, ADrainGivesUpAtItsTimeout) {
  StartServer(1);
  StreamClient busy(address);
  busy.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
  EXPECT_FALSE(server->Drain({milliseconds(0), milliseconds(50)}));
  gate.Open();
  EXPECT_THAT(busy.ReadToEnd(), EndsWith("on its loop"));
}

TEST_P(HttpServerTest, AClientThatSendsWithoutEndLeavesTheLoopToOthers) {
  StartServer(1);
  StreamClient flooder(address);
  flooder.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
  std::atomic<bool> stop{false};
  std::thread flood([&] {
    const std::string bytes(256 * 1024, 'x');
    while (!stop) flooder.Send(bytes);
  });
  for (int i = 0; i < 50; ++i) EXPECT_THAT(Get("/hello"), EndsWith("hello"));
  stop = true;
  flood.join();
  flooder.Abort();
  EXPECT_TRUE(Eventually([this] { return cancelled.load(); }));
  gate.Open();
  EXPECT_TRUE(Eventually([this] { return stats.active.value() == 0; }));
}

INSTANTIATE_TEST_SUITE_P(Families, HttpServerTest, ::testing::Values(Family::kTcp, Family::kUnix),
                         [](const auto& instance) {
                           return instance.param == Family::kTcp ? "Tcp" : "Unix";
                         });

}  // namespace
}  // namespace scaleout::gateway
