#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "gateway/http/http_connection.h"
#include "gateway/http/problem.h"
#include "tests/gateway/http/http_connection_fixture.h"

namespace scaleout::gateway {
namespace {

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

TEST_F(HttpConnectionTest, BeginsAtMostItsBudgetOfRequestsInATurn) {
  std::string pipelined;
  for (int i = 0; i < 3 * kRequestsPerTurn; ++i) pipelined += kGet;
  connection.OnBytes(pipelined);
  EXPECT_EQ(handler.served, kRequestsPerTurn);
  ASSERT_TRUE(TakeRequestedTurn()) << "for the rest";
  EXPECT_EQ(handler.served, 2 * kRequestsPerTurn);
  ASSERT_TRUE(TakeRequestedTurn());
  EXPECT_EQ(Answers(), 3 * kRequestsPerTurn);
}

TEST_F(HttpConnectionTest, BeginsNoFurtherRequestInATurnThatHasTakenItsTime) {
  handler.on_serve = [this] { clock.Advance(kTimePerTurn / 2); };
  connection.BeginTurn();
  connection.OnBytes(std::string(kGet) + std::string(kGet) + std::string(kGet));
  EXPECT_EQ(handler.served, 2);
  EXPECT_EQ(Answers(), 2) << "what is answered does not wait for the next turn";
  clock.Advance(kTimePerTurn);
  ASSERT_TRUE(TakeRequestedTurn());
  EXPECT_EQ(Answers(), 3);
  EXPECT_FALSE(socket.turn_requested);
}

TEST_F(HttpConnectionTest, BeginsARequestInEachTurnHoweverLongItTakes) {
  handler.on_serve = [this] { clock.Advance(10 * kTimePerTurn); };
  connection.OnBytes(std::string(kGet) + std::string(kGet) + std::string(kGet) + "GET /half");
  EXPECT_EQ(handler.served, 1);
  ASSERT_TRUE(TakeRequestedTurn());
  EXPECT_EQ(handler.served, 2);
  ASSERT_TRUE(TakeRequestedTurn());
  EXPECT_EQ(handler.served, 3);
  ASSERT_TRUE(TakeRequestedTurn());
  EXPECT_FALSE(socket.turn_requested) << "for half a request";
}

TEST_F(HttpConnectionTest, RequestsThatEndLaterCountInTheBudgetToo) {
  handler.answer_at_once = false;
  std::string pipelined;
  for (int i = 0; i < 2 * kRequestsPerTurn; ++i) pipelined += kGet;
  connection.OnBytes(pipelined);
  handler.answer_at_once = true;
  handler.Answer(0);
  EXPECT_EQ(handler.served, kRequestsPerTurn);
  ASSERT_TRUE(TakeRequestedTurn());
  EXPECT_EQ(handler.served, 2 * kRequestsPerTurn);
}

TEST_F(HttpConnectionTest, AConnectionThatSpentItsBudgetIsNotReadInThisTurn) {
  for (int i = 0; i < kRequestsPerTurn; ++i) {
    EXPECT_GT(connection.Room(), 0U);
    connection.OnBytes(kGet);
  }
  EXPECT_EQ(connection.Room(), 0U);
  ASSERT_TRUE(TakeRequestedTurn());
  EXPECT_GT(connection.Room(), 0U);
}

TEST_F(HttpConnectionTest, ABusyConnectionIsReadNoFurtherThanItsBuffer) {
  handler.answer_at_once = false;
  connection.OnBytes(kGet);
  EXPECT_EQ(connection.Room(), limits.head_bytes) << "so that a client that leaves is noticed";
  connection.OnBytes(std::string(limits.head_bytes, 'x'));
  EXPECT_EQ(connection.Room(), 0U);
  EXPECT_TRUE(connection.IsBusy());
  EXPECT_FALSE(socket.turn_requested) << "before there is room";
  handler.Answer(0);
  EXPECT_TRUE(socket.turn_requested) << "what is left in the kernel is not reported again";
}

TEST_F(HttpConnectionTest, AConnectionWhoseAnswerIsNotSentIsReadNoFurtherThanItsBuffer) {
  socket.window = 10;
  connection.OnBytes(kGet);
  std::string pipelined;
  while (pipelined.size() + kGet.size() <= limits.head_bytes) pipelined += kGet;
  connection.OnBytes(pipelined + std::string(limits.head_bytes - pipelined.size(), 'x'));
  EXPECT_EQ(connection.Room(), 0U);
  EXPECT_EQ(handler.served, 1);
  EXPECT_FALSE(socket.turn_requested);
  socket.window = 1'000'000;
  connection.OnWritable();
  EXPECT_EQ(handler.served, kRequestsPerTurn);
  EXPECT_TRUE(socket.turn_requested);
}

TEST_F(HttpConnectionTest, ABodyIsReadToItsEndAndNoFurther) {
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 60\r\n\r\n0123456789");
  EXPECT_EQ(connection.Room(), 50U);
  connection.OnBytes(std::string(50, 'x'));
  EXPECT_EQ(Answers(), 1);
  EXPECT_EQ(connection.Room(), limits.head_bytes);
}

TEST_F(HttpConnectionTest, AClosingConnectionThatHadNoRoomIsReadOn) {
  handler.answer_at_once = false;
  connection.OnBytes(kGet);
  connection.OnBytes(std::string(limits.head_bytes, 'x'));
  ASSERT_EQ(connection.Room(), 0U);
  connection.EndAfterAnswer();
  handler.Answer(0);
  EXPECT_TRUE(socket.shut);
  EXPECT_TRUE(socket.turn_requested) << "unread input would make the kernel send a reset";
  EXPECT_GT(connection.Room(), 0U);
}

TEST_F(HttpConnectionTest, AnswersOfOneTurnLeaveTogether) {
  connection.OnBytes(std::string(kGet) + std::string(kGet) + std::string(kGet) + "GET /half");
  EXPECT_EQ(Answers(), 3);
  EXPECT_EQ(socket.sends, 1);
}

TEST_F(HttpConnectionTest, AnAnswerDoesNotWaitForTheRequestAfterIt) {
  connection.OnBytes("GET /a HTTP/1.1\r\nHost: h\r\n\r\n" +
                     std::string("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"));
  EXPECT_EQ(Answers(), 1) << "while the second waits for its body";
  connection.OnBytes("abc");
  EXPECT_EQ(Answers(), 2);
}

TEST_F(HttpConnectionTest, TheNextRequestWaitsUntilAnswersThatLeftTogetherAreSent) {
  socket.window = 10;
  connection.OnBytes(std::string(kGet) + std::string(kGet) + "GET /a HTTP/1.1\r\n");
  connection.OnBytes("Host: h\r\n\r\n");
  EXPECT_EQ(handler.served, 2);
  socket.window = 1'000'000;
  connection.OnWritable();
  EXPECT_EQ(Answers(), 3);
}

TEST_F(HttpConnectionTest, ASocketThatFailsWhileAnswersLeaveTogetherClosesTheConnection) {
  socket.gone = true;
  connection.OnBytes(std::string(kGet) + std::string(kGet) + "GET /a HTTP/1.1\r\n");
  EXPECT_TRUE(socket.closed);
  EXPECT_EQ(shared.use_count(), 1);
}

// Quadratic costs would take some 10 s here, linear ones some milliseconds.
TEST_F(HttpConnectionTest, AHeadThatComesByteByByteIsScannedOnce) {
  limits.head_bytes = 256 * 1024;
  const MonotonicTime before = SystemClock().Now();
  connection.OnBytes("GET /a HTTP/1.1\r\nHost: h\r\nX: ");
  for (std::size_t i = 0; i < limits.head_bytes - 100; ++i) connection.OnBytes("x");
  connection.OnBytes("\r\n\r\n");
  EXPECT_EQ(Answers(), 1);
  EXPECT_LT(SystemClock().Now() - before, std::chrono::seconds(3));
}

TEST_F(HttpConnectionTest, AnEmptyLineBeforeARequestMayComeInParts) {
  connection.OnBytes("\r");
  connection.OnBytes("\n");
  connection.OnBytes(kGet);
  EXPECT_EQ(Answers(), 1);
}

}  // namespace
}  // namespace scaleout::gateway
