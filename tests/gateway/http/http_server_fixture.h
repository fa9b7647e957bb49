// A server on loops of its own, over TCP or a Unix socket, whose handlers block, wait and throw as
// the test says. Used by one thread; what handlers and the test share is atomic.
#ifndef SCALEOUT_TESTS_GATEWAY_HTTP_HTTP_SERVER_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_HTTP_HTTP_SERVER_FIXTURE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/http/http_server.h"
#include "gateway/runtime/task.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"
#include "tests/support/fake_sessions.h"
#include "tests/support/socket_path.h"
#include "tests/support/stream_client.h"

namespace scaleout::gateway {

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
    testing::Eventually([this] { return LetGo(); });
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

inline std::string FamilyName(const ::testing::TestParamInfo<Family>& instance) {
  return instance.param == Family::kTcp ? "Tcp" : "Unix";
}

// Every test over TCP and over a Unix socket.
class HttpServerTest : public ::testing::TestWithParam<Family> {
 protected:
  // Throws, so that a test ends here, if it cannot be started.
  void StartServer(std::size_t count, HttpServerOptions options = {}) {
    absl::StatusOr<ListenSocket> socket =
        ListenSocket::Open(GetParam() == Family::kTcp ? "127.0.0.1:0" : socket_path.target(), 128);
    if (!socket.ok()) throw std::runtime_error(socket.status().ToString());
    address = socket->address();
    ListenSockets sockets;
    sockets.push_back(*std::move(socket));
    if (further) sockets.push_back(*std::exchange(further, std::nullopt));
    options.instance_id = "test-1";
    loops.emplace(count, SystemClock(), logger, *metrics);
    limiter.emplace(ConcurrencyLimiterConfig(), routes.size(), count, SystemClock());
    server = std::make_unique<HttpServer>(
        options, *loops, std::move(sockets),
        PipelineParts{routes, SystemClock(), *metrics, logger, stats, *limiter, auth.parts()});
    if (!server->Start().ok()) throw std::runtime_error("the server does not start");
    loops->Start();
  }

  // Lets the handler of /block go on.
  void Unblock() {
    if (!std::exchange(unblock_called, true)) unblocked.set_value();
  }
  // Also for a test that failed before it came to that.
  void TearDown() override { Unblock(); }

  // Without a grace period.
  std::future<bool> StartDraining(
      std::chrono::milliseconds refusal = std::chrono::milliseconds(0)) {
    return std::async(std::launch::async, [this, refusal] {
      return server->Drain({std::chrono::milliseconds(0), std::chrono::seconds(20), refusal});
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
    rows.push_back(MakeRoute(
        "/client", [](RequestContext& context, const Request&) -> Task<absl::StatusOr<Response>> {
          co_return Response(200, context.client.ToString());
        }));
    rows.push_back(
        MakeRoute("/big", [](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
          co_return Response(200, std::string(8 << 20, 'x'));
        }));
    rows.push_back(MakeRoute(
        "/block", [this](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
          blocked = true;
          unblocked.get_future().wait();
          co_return Response(200, "unblocked");
        }));
    rows.push_back(MakeRoute(
        "/wait", [this](RequestContext& context, const Request&) -> Task<absl::StatusOr<Response>> {
          const std::thread::id loop_thread = std::this_thread::get_id();
          Task<void> wait = gate.Wait(context);
          co_await wait;
          const bool on_loop = std::this_thread::get_id() == loop_thread;
          co_return Response(200, on_loop ? "on its loop" : "elsewhere");
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
    testing::StreamClient client(address);
    client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return client.ReadResponse();
  }

  std::promise<void> unblocked;
  bool unblock_called = false;
  std::atomic<bool> blocked{false};
  std::atomic<bool> cancelled{false};
  Gate gate{cancelled};
  std::unique_ptr<Metrics> metrics = MakeMetrics();
  testing::FakeLogger logger;
  RequestStats stats;
  testing::FakeAuth auth{SystemClock(), *metrics};
  std::optional<ConcurrencyLimiter> limiter;
  RouteTable routes{MakeRoutes()};
  std::optional<EventLoops> loops;
  testing::SocketPath socket_path;
  std::optional<ListenSocket> further;  // beside the one that StartServer opens
  std::string address;
  std::unique_ptr<HttpServer> server;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_TESTS_GATEWAY_HTTP_HTTP_SERVER_FIXTURE_H_
