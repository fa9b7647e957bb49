// What a server does from the order to drain until its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "gateway/http/http_server.h"
#include "tests/gateway/http/http_server_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/stream_client.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using testing::Eventually;
using ::testing::HasSubstr;
using testing::StreamClient;

class HttpServerDrainTest : public HttpServerTest {};

TEST_P(HttpServerDrainTest, ADrainFinishesWhatIsInFlight) {
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

TEST_P(HttpServerDrainTest, ADrainRefusesConnectionsWhileItFinishes) {
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

TEST_P(HttpServerDrainTest, AnIdleServerRefusesBeforeItEnds) {
  StartServer(1);
  std::future<bool> drained = StartDraining(/*refusal=*/milliseconds(1000));
  EXPECT_TRUE(Eventually([this] { return !StreamClient(address).connected(); }));
  EXPECT_EQ(drained.wait_for(milliseconds(0)), std::future_status::timeout);
  EXPECT_TRUE(drained.get());
}

TEST_P(HttpServerDrainTest, ADrainServesWhatWaitedToBeAccepted) {
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
  Unblock();
  for (const auto& client : waiting) EXPECT_THAT(client->ReadToEnd(), EndsWith("hello"));
  victim.ReadToEnd();
  EXPECT_TRUE(drained.get());
}

TEST_P(HttpServerDrainTest, ADrainGivesUpAtItsTimeout) {
  StartServer(1);
  StreamClient busy(address);
  busy.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return gate.occupied(); }));
  EXPECT_FALSE(server->Drain({milliseconds(0), milliseconds(50)}));
  gate.Open();
  EXPECT_THAT(busy.ReadToEnd(), EndsWith("on its loop"));
}

INSTANTIATE_TEST_SUITE_P(Families, HttpServerDrainTest,
                         ::testing::Values(Family::kTcp, Family::kUnix), FamilyName);

}  // namespace
}  // namespace scaleout::gateway
