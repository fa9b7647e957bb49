#include "gateway/http/http_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <coroutine>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/http/problem.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"

namespace scaleout::gateway {
namespace {

using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Takes `window` bytes and then no more until the test opens it again.
class FakeSocket final : public Socket {
 public:
  std::int64_t Send(std::string_view bytes) override {
    if (gone) return -1;
    const std::size_t taken = std::min(bytes.size(), window);
    window -= taken;
    sent.append(bytes.substr(0, taken));
    return static_cast<std::int64_t>(taken);
  }
  void ShutDownWriting() override { shut = true; }
  void Close() override { closed = true; }

  std::size_t window = std::numeric_limits<std::size_t>::max();
  std::string sent;
  bool shut = false;
  bool closed = false;
  bool gone = false;
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
    ReadBody reading(exchange, body_limit);
    const absl::Status read = co_await reading;
    if (exchange.refusal.ok()) exchange.refusal = read;
    Held held(*this, exchange);
    co_await held;
    ++served;
    bodies.push_back(exchange.request.body);
    if (exchange.refusal.ok()) co_return Response(200, "answer");
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
  std::int64_t body_limit = 100;
  bool answer_at_once = true;
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

TEST_F(HttpConnectionTest, AnswersARequestAndStaysOpen) {
  connection.OnBytes(kGet);
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(socket.sent, HasSubstr("X-Instance-Id: instance-1\r\n"));
  EXPECT_THAT(socket.sent, HasSubstr("X-Request-Id: id\r\n"));
  EXPECT_THAT(socket.sent, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(socket.sent, HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_THAT(socket.sent, EndsWith("\r\n\r\nanswer"));
  EXPECT_FALSE(socket.closed);
  connection.OnBytes(kGet);
  EXPECT_EQ(Answers(), 2);
}

TEST_F(HttpConnectionTest, TakesARequestByteByByte) {
  for (const char byte :
       std::string("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")) {
    EXPECT_EQ(Answers(), 0);
    connection.OnBytes({&byte, 1});
  }
  EXPECT_EQ(Answers(), 1);
  EXPECT_THAT(handler.bodies, ::testing::ElementsAre("abc"));
}

TEST_F(HttpConnectionTest, AnswersPipelinedRequestsInOrderAndOneAtATime) {
  handler.answer_at_once = false;
  connection.OnBytes(std::string(kGet) +
                     "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx" +
                     std::string(kGet));
  ASSERT_EQ(handler.waiting.size(), 1U);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(handler.waiting.size(), i + 1);
    handler.Answer(i);
  }
  EXPECT_EQ(Answers(), 3);
  EXPECT_THAT(handler.bodies, ::testing::ElementsAre("", "x", ""));
}

TEST_F(HttpConnectionTest, AHeadRequestGetsNoBody) {
  connection.OnBytes("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(socket.sent, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(socket.sent, EndsWith("\r\n\r\n"));
}

TEST_F(HttpConnectionTest, BadFramingIsAnsweredAndThenClosed) {
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                     std::string(kGet));
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 411"));
  EXPECT_THAT(socket.sent, HasSubstr("Connection: close"));
  EXPECT_EQ(Answers(), 0) << "what follows bad framing is no request";
  EXPECT_TRUE(socket.shut);
  EXPECT_FALSE(socket.closed) << "a reset would destroy the answer";
  clock.Advance(seconds(2));
  connection.OnTick(clock.Now());
  EXPECT_TRUE(socket.closed);
}

TEST_F(HttpConnectionTest, JunkIsRefusedBeforeItsHeadEnds) {
  connection.OnBytes("\x16\x03\x01\x02");
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 400"));
  EXPECT_TRUE(socket.shut);
}

TEST_F(HttpConnectionTest, AHeadOverItsLimitIs431) {
  connection.OnBytes("GET /a HTTP/1.1\r\nA: " + std::string(limits.head_bytes, 'x'));
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpConnectionTest, ABodyOverTheRoutesLimitIs413WithoutReadingIt) {
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n");
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 413"));
  EXPECT_TRUE(socket.shut);
}

TEST_F(HttpConnectionTest, ARefusedRequestWithASmallBodyKeepsTheConnection) {
  handler.refusal = HttpError(404, "no");
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 404"));
  EXPECT_FALSE(socket.shut);
}

TEST_F(HttpConnectionTest, AsksForTheBodyWhereTheClientWaits) {
  connection.OnBytes(
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(socket.sent, "HTTP/1.1 100 Continue\r\n\r\n");
  connection.OnBytes("abc");
  EXPECT_EQ(Answers(), 1);
}

TEST_F(HttpConnectionTest, AnIdleConnectionIsClosedSilently) {
  clock.Advance(limits.idle_timeout + seconds(1));
  connection.OnTick(clock.Now());
  EXPECT_TRUE(socket.closed);
  EXPECT_EQ(socket.sent, "");
}

TEST_F(HttpConnectionTest, ASlowHeadIs408) {
  connection.OnBytes("GET / HT");
  clock.Advance(limits.head_timeout + seconds(1));
  connection.OnTick(clock.Now());
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 408"));
  EXPECT_TRUE(socket.shut);
}

TEST_F(HttpConnectionTest, ASlowBodyIs408) {
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");
  clock.Advance(limits.body_timeout + seconds(1));
  connection.OnTick(clock.Now());
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 408"));
}

TEST_F(HttpConnectionTest, ASlowHandlerIsNotTheConnectionsBusiness) {
  handler.answer_at_once = false;
  connection.OnBytes(kGet);
  clock.Advance(std::chrono::hours(1));
  connection.OnTick(clock.Now());
  EXPECT_FALSE(socket.closed);
}

TEST_F(HttpConnectionTest, ASlowReaderGetsAllInTheEnd) {
  socket.window = 10;
  connection.OnBytes(kGet);
  EXPECT_EQ(socket.sent.size(), 10U);
  connection.OnBytes(kGet);
  EXPECT_EQ(handler.bodies.size(), 1U) << "the next request waits until the answer is out";
  socket.window = 1'000'000;
  connection.OnWritable();
  EXPECT_EQ(Answers(), 2);
}

TEST_F(HttpConnectionTest, AReaderThatStopsIsClosed) {
  socket.window = 10;
  connection.OnBytes(kGet);
  clock.Advance(limits.write_timeout + seconds(1));
  connection.OnTick(clock.Now());
  EXPECT_TRUE(socket.closed);
}

TEST_F(HttpConnectionTest, ADisconnectCancelsTheRequestAndDropsItsAnswer) {
  handler.answer_at_once = false;
  connection.OnBytes(kGet);
  connection.OnDisconnect();
  ASSERT_EQ(handler.waiting.size(), 1U);
  EXPECT_TRUE(handler.waiting[0]->exchange.context.cancellation.cancelled());
  handler.Answer(0);
  EXPECT_EQ(handler.served, 1);
  EXPECT_EQ(socket.sent, "");
}

TEST_F(HttpConnectionTest, AConnectionWithoutOwnerLivesUntilItsRequestHasEnded) {
  handler.answer_at_once = false;
  std::shared_ptr<HttpConnection> brief = MakeConnection();
  const std::weak_ptr<HttpConnection> watch = brief;
  brief->OnBytes(kGet);
  brief->OnDisconnect();
  brief.reset();
  EXPECT_TRUE(handler.waiting[0]->exchange.context.cancellation.cancelled());
  EXPECT_FALSE(watch.expired());
  handler.Answer(0);
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(socket.sent, "");
}

TEST_F(HttpConnectionTest, ADisconnectWhileTheBodyIsReadEndsTheRequestWithoutAnAnswer) {
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");
  EXPECT_EQ(handler.served, 0);
  connection.OnDisconnect();
  EXPECT_EQ(handler.served, 1);
  EXPECT_EQ(socket.sent, "");
  EXPECT_EQ(shared.use_count(), 1) << "the request's coroutine has ended";
}

TEST_F(HttpConnectionTest, ASocketThatFailsToSend100ContinueEndsTheRequest) {
  socket.gone = true;
  connection.OnBytes(
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(socket.closed);
  EXPECT_EQ(handler.served, 1);
  EXPECT_EQ(shared.use_count(), 1);
}

TEST_F(HttpConnectionTest, AttributesOnlyTheTurnsOfARequestToItsRoute) {
  handler.answer_at_once = false;
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(loop.route(), nullptr) << "while it waits for the body";
  connection.OnBytes("x");
  EXPECT_EQ(loop.route(), nullptr) << "while its handler waits";
}

TEST_F(HttpConnectionTest, AClientThatIsGoneWhileAnsweringClosesTheConnection) {
  socket.gone = true;
  connection.OnBytes(kGet);
  EXPECT_TRUE(socket.closed);
}

TEST_F(HttpConnectionTest, TheLastAnswerOfADrainClosesTheConnection) {
  handler.answer_at_once = false;
  connection.OnBytes(kGet);
  connection.EndAfterAnswer();
  connection.CloseIfIdle();
  EXPECT_FALSE(socket.closed);
  handler.Answer(0);
  EXPECT_THAT(socket.sent, HasSubstr("Connection: close"));
  EXPECT_TRUE(socket.shut);
}

TEST_F(HttpConnectionTest, AnIdleConnectionEndsWhenTheDrainSaysSo) {
  connection.EndAfterAnswer();
  EXPECT_FALSE(socket.closed);
  connection.CloseIfIdle();
  EXPECT_TRUE(socket.closed);
}

TEST_F(HttpConnectionTest, AClientThatPipelinesWithoutEndIsCutOff) {
  handler.answer_at_once = false;
  connection.OnBytes(kGet);
  const std::string flood(limits.head_bytes + static_cast<std::size_t>(limits.body_bytes) + 1, 'x');
  connection.OnBytes(flood);
  handler.Answer(0);
  EXPECT_THAT(socket.sent, HasSubstr("Connection: close"));
}

TEST_F(HttpConnectionTest, AnEmptyLineBeforeARequestIsSkipped) {
  connection.OnBytes("\r\n" + std::string(kGet));
  EXPECT_EQ(Answers(), 1);
}

TEST_F(HttpConnectionTest, AHeaderWithALineBreakIsNotSent) {
  Response response(200, "");
  response.headers.emplace_back("Location", "/a\r\nSet-Cookie: x");
  std::string head;
  head_writer.Append(response, "id", true, head);
  EXPECT_THAT(head, Not(HasSubstr("Set-Cookie")));
}

}  // namespace
}  // namespace scaleout::gateway
