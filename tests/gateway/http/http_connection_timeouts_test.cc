#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "gateway/http/http_connection.h"
#include "gateway/http/problem.h"
#include "tests/gateway/http/http_connection_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::seconds;
using ::testing::StartsWith;

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

TEST_F(HttpConnectionTest, AReaderThatStopsIsClosed) {
  socket.window = 10;
  connection.OnBytes(kGet);
  clock.Advance(limits.write_timeout + seconds(1));
  connection.OnTick(clock.Now());
  EXPECT_TRUE(socket.closed);
}

TEST_F(HttpConnectionTest, EachByteOfAHeadDoesNotRenewItsTimeout) {
  connection.OnBytes("G");
  for (int i = 0; i < 11; ++i) {
    EXPECT_EQ(socket.sent, "") << "after " << i << " s";
    clock.Advance(seconds(1));
    connection.OnBytes("E");
    connection.OnTick(clock.Now());
  }
  EXPECT_THAT(socket.sent, StartsWith("HTTP/1.1 408"));
}

TEST_F(HttpConnectionTest, ARequestThatWaitsForItsTurnIsNotLate) {
  std::string pipelined;
  for (int i = 0; i <= kRequestsPerTurn; ++i) pipelined += kGet;
  connection.OnBytes(pipelined);
  clock.Advance(limits.head_timeout + seconds(1));
  connection.OnTick(clock.Now());
  ASSERT_TRUE(TakeRequestedTurn());
  EXPECT_EQ(Answers(), kRequestsPerTurn + 1);
}

TEST_F(HttpConnectionTest, ASendThatTakesNothingDoesNotRenewTheWriteTimeout) {
  socket.window = 10;
  connection.OnBytes(kGet);
  clock.Advance(limits.write_timeout - seconds(1));
  connection.OnWritable();
  clock.Advance(seconds(2));
  connection.OnTick(clock.Now());
  EXPECT_TRUE(socket.closed);
}

TEST_F(HttpConnectionTest, AClientThatReadsAByteNowAndThenIsClosed) {
  socket.window = 10;
  connection.OnBytes(kGet);
  for (int i = 0; i < 31; ++i) {
    EXPECT_FALSE(socket.closed) << "after " << i << " s";
    clock.Advance(seconds(1));
    socket.window = 1;
    connection.OnWritable();
    connection.OnTick(clock.Now());
  }
  EXPECT_TRUE(socket.closed);
}

TEST_F(HttpConnectionTest, AClientThatReadsSlowlyButSteadilyIsServed) {
  handler.answer.assign(10 * limits.progress_bytes, 'x');
  socket.window = 0;
  connection.OnBytes(kGet);
  while (socket.sent.size() < handler.answer.size()) {
    clock.Advance(seconds(10));
    socket.window = limits.progress_bytes / 2;
    connection.OnWritable();
    connection.OnTick(clock.Now());
    ASSERT_FALSE(socket.closed);
  }
  EXPECT_EQ(Answers(), 1);
}

TEST_F(HttpConnectionTest, TheBodyOfARefusedRequestHasATimeoutToo) {
  handler.refusal = HttpError(404, "no");
  connection.OnBytes("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
  clock.Advance(limits.body_timeout + seconds(1));
  connection.OnTick(clock.Now());
  EXPECT_TRUE(socket.closed);
}

}  // namespace
}  // namespace scaleout::gateway
