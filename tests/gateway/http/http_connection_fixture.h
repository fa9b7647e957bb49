// A connection with a socket and a handler that do what the test says, and a clock that stands
// still until the test moves it. One thread.
#ifndef SCALEOUT_TESTS_GATEWAY_HTTP_HTTP_CONNECTION_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_HTTP_HTTP_CONNECTION_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <coroutine>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/http/http_connection.h"
#include "gateway/http/problem.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"

namespace scaleout::gateway {

// Takes `window` bytes and then no more until the test opens it again.
class FakeSocket final : public Socket {
 public:
  std::int64_t Send(std::string_view bytes) override {
    ++sends;
    if (gone) return -1;
    const std::size_t taken = std::min(bytes.size(), window);
    window -= taken;
    sent.append(bytes.substr(0, taken));
    return static_cast<std::int64_t>(taken);
  }
  void ShutDownWriting() override { shut = true; }
  void RequestTurn() override { turn_requested = true; }
  void Close() override { closed = true; }

  std::size_t window = std::numeric_limits<std::size_t>::max();
  std::string sent;
  int sends = 0;
  bool shut = false;
  bool closed = false;
  bool gone = false;
  bool turn_requested = false;
};

// Answers at once, or holds each request until the test lets it go.
class FakeHandler final : public ExchangeHandler {
 public:
  // A request that is held; in the frame of its Serve.
  struct Held {
    explicit Held(FakeHandler& handler_in, Exchange& exchange_in)
        : handler(handler_in), exchange(exchange_in) {}
    bool await_ready() const noexcept { return handler.answer_at_once; }
    void await_suspend(std::coroutine_handle<> serve_in) {
      serve = serve_in;
      handler.waiting.push_back(this);
    }
    void await_resume() const noexcept {}

    FakeHandler& handler;
    Exchange& exchange;
    std::coroutine_handle<> serve;
  };

  Task<Response> Serve(Exchange& exchange) override {
    exchange.context.request_id = "id";
    exchange.context.loop.EnterRoute(route);
    exchange.context.route = &route;
    if (exchange.refusal.ok()) exchange.refusal = refusal;
    if (exchange.refusal.ok()) {
      ReadBody reading(exchange, body_limit);
      const absl::Status read = co_await reading;
      exchange.refusal = read;
    }
    Held held(*this, exchange);
    co_await held;
    if (on_serve) on_serve();
    ++served;
    bodies.push_back(exchange.request.body);
    if (exchange.refusal.ok()) co_return Response(200, answer);
    co_return RenderProblem(exchange.refusal, "", "id");
  }

  // Each is answered once.
  void Answer(std::size_t i) { std::exchange(waiting[i], nullptr)->serve.resume(); }
  void AnswerAll() {
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i] != nullptr) Answer(i);
    }
  }

  const RouteDescription route{"/a"};
  absl::Status refusal;
  std::string answer = "answer";
  std::int64_t body_limit = 100;
  bool answer_at_once = true;
  std::function<void()> on_serve;  // what serving a request does beside answering it
  std::vector<Held*> waiting;
  std::vector<std::string> bodies;
  int served = 0;
};

class HttpConnectionTest : public ::testing::Test {
 protected:
  // A coroutine that is held owns its connection.
  ~HttpConnectionTest() override {
    connection.OnDisconnect();
    handler.AnswerAll();
  }

  std::shared_ptr<HttpConnection> MakeConnection() {
    return std::make_shared<HttpConnection>(socket, loop, clock, limits, head_writer, handler);
  }

  int Answers() const {
    int count = 0;
    for (std::size_t at = socket.sent.find("HTTP/1.1 200"); at != std::string::npos;
         at = socket.sent.find("HTTP/1.1 200", at + 1)) {
      ++count;
    }
    return count;
  }

  // A turn of the loop that the connection has asked for; false if it has not.
  bool TakeRequestedTurn() {
    if (!std::exchange(socket.turn_requested, false)) return false;
    connection.BeginTurn();
    return true;
  }

  static constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

  testing::FakeClock clock;
  testing::ManualExecutor loop{clock};
  FakeSocket socket;
  FakeHandler handler;
  ConnectionLimits limits;
  ResponseHeadWriter head_writer{"instance-1", clock};
  const std::shared_ptr<HttpConnection> shared = MakeConnection();
  HttpConnection& connection = *shared;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_TESTS_GATEWAY_HTTP_HTTP_CONNECTION_FIXTURE_H_
