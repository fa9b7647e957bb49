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

}  // namespace
}  // namespace scaleout::gateway
