#include "gateway/http/http_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "gateway/http/problem.h"
#include "tests/gateway/http/http_connection_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

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

TEST_F(HttpConnectionTest, AHeadOfExactlyItsLimitIsTaken) {
  const std::string begin = "GET /a HTTP/1.1\r\nHost: h\r\nA: ";
  const std::string end = "\r\n\r\n";
  const std::string fits(limits.head_bytes - begin.size() - end.size(), 'x');
  connection.OnBytes(begin + fits);
  connection.OnBytes(end);
  EXPECT_EQ(Answers(), 1);
  connection.OnBytes(begin + fits + "x" + end);
  EXPECT_EQ(Answers(), 1);
  EXPECT_THAT(socket.sent, HasSubstr("HTTP/1.1 431"));
}

TEST_F(HttpConnectionTest, AHeadThatFillsItsLimitWithoutAnEndIs431) {
  connection.OnBytes("GET /a HTTP/1.1\r\nA: ");
  connection.OnBytes(std::string(connection.Room() - 1, 'x'));
  EXPECT_EQ(socket.sent, "");
  connection.OnBytes("x");
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpConnectionTest, ABodyOverTheRoutesLimitIs413WithoutReadingIt) {
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n");
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 413"));
  EXPECT_TRUE(socket.shut);
}

TEST_F(HttpConnectionTest, ARefusedRequestIsAnsweredBeforeItsBodyComes) {
  handler.refusal = HttpError(404, "no");
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\n" +
                     std::string(10, 'x'));
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 404"));
  EXPECT_FALSE(socket.shut);
  handler.refusal = absl::OkStatus();
  connection.OnBytes(std::string(15, 'x'));
  connection.OnBytes(std::string(5, 'x') + std::string(kGet));
  EXPECT_EQ(Answers(), 1) << "the request after the body that was thrown away";
}

TEST_F(HttpConnectionTest, ARefusedRequestWhoseBodyIsThereKeepsTheConnection) {
  handler.refusal = HttpError(404, "no");
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 404"));
  EXPECT_FALSE(socket.shut);
  handler.refusal = absl::OkStatus();
  connection.OnBytes(kGet);
  EXPECT_EQ(Answers(), 1);
}

TEST_F(HttpConnectionTest, ARefusedRequestWithALongBodyEndsTheConnection) {
  handler.refusal = HttpError(404, "no");
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                     std::to_string(limits.discard_bytes + 1) + "\r\n\r\n");
  EXPECT_THAT(socket.sent, HasSubstr("Connection: close"));
  EXPECT_TRUE(socket.shut);
}

TEST_F(HttpConnectionTest, ARefusedRequestGetsNo100ContinueAndItsConnectionEnds) {
  handler.refusal = HttpError(404, "no");
  connection.OnBytes(
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 404"));
  EXPECT_TRUE(socket.shut) << "what comes next is its body or another request: it cannot be known";
}

TEST_F(HttpConnectionTest, ADrainEndsAConnectionThatThrowsABodyAway) {
  handler.refusal = HttpError(404, "no");
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
  EXPECT_FALSE(socket.shut);
  connection.CloseIfIdle();
  EXPECT_TRUE(socket.shut);
  EXPECT_FALSE(socket.closed) << "a reset would destroy the answer";
}

TEST_F(HttpConnectionTest, GivesTheMemoryOfALargeRequestAndALargeAnswerBack) {
  handler.body_limit = 1 << 20;
  handler.answer.assign(1 << 20, 'x');
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n");
  connection.OnBytes(std::string(1 << 20, 'x'));
  EXPECT_EQ(Answers(), 1);
  EXPECT_LE(connection.buffer_bytes(), 2 * kKeptBufferBytes);
}

TEST_F(HttpConnectionTest, AsksForTheBodyWhereTheClientWaits) {
  connection.OnBytes(
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(socket.sent, "HTTP/1.1 100 Continue\r\n\r\n");
  connection.OnBytes("abc");
  EXPECT_EQ(Answers(), 1);
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

TEST_F(HttpConnectionTest, AnEmptyLineBeforeARequestIsSkipped) {
  connection.OnBytes("\r\n" + std::string(kGet));
  EXPECT_EQ(Answers(), 1);
}

TEST_F(HttpConnectionTest, ADrainDoesNotCutOffAHalfReadHead) {
  connection.OnBytes("GET /a HTTP/1.1\r\n");
  connection.CloseIfIdle();
  EXPECT_FALSE(socket.closed);
  connection.OnBytes("Host: h\r\n\r\n");
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
