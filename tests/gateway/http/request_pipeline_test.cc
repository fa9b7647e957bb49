#include "gateway/http/request_pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tests/gateway/http/request_pipeline_fixture.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(RequestPipelineTest, ARequestReachesItsHandlerWithParametersAndADeadline) {
  EXPECT_THAT(Ask("GET /things/a%20b HTTP/1.1\r\nHost: h\r\n\r\n"),
              ::testing::EndsWith("\r\n\r\na b"));
  EXPECT_EQ(remaining, Duration(std::chrono::seconds(3)));
}

TEST_F(RequestPipelineTest, TheClientsNamesArePassedOnIfTheyAreWellFormed) {
  constexpr std::string_view kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const std::string response =
      Ask("GET /things/1 HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine\r\ntraceparent: " +
          std::string(kTrace) + "\r\n\r\n");
  EXPECT_THAT(response, HasSubstr("X-Request-Id: mine\r\n"));
  EXPECT_EQ(request_id, "mine");
  EXPECT_EQ(traceparent, kTrace);
  Ask("GET /things/1 HTTP/1.1\r\nHost: h\r\nX-Request-Id: not mine\r\ntraceparent: x\r\n\r\n");
  EXPECT_EQ(request_id.size(), 32U);
  EXPECT_EQ(traceparent, "");
}

TEST_F(RequestPipelineTest, ErrorsAreProblemDocuments) {
  EXPECT_THAT(Ask("GET /missing HTTP/1.1\r\nHost: h\r\n\r\n"),
              ::testing::AllOf(StartsWith("HTTP/1.1 404"),
                               HasSubstr("Content-Type: application/problem+json"),
                               HasSubstr("There is no such thing.")));
  EXPECT_THAT(Ask("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 404"));
}

TEST_F(RequestPipelineTest, AnotherMethodIs405WithAllow) {
  const std::string response = Ask("DELETE /missing HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(response, HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(RequestPipelineTest, ARefusedHeadHasAnIdToo) {
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
              ::testing::AllOf(StartsWith("HTTP/1.1 411"), HasSubstr("X-Request-Id: ")));
}

TEST_F(RequestPipelineTest, CountsByTemplateAndNeverByRawPath) {
  Ask("GET /things/4711 HTTP/1.1\r\nHost: h\r\n\r\n");
  Ask("GET /secret-path HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string page = metrics->RenderPrometheus();
  EXPECT_THAT(page, HasSubstr(R"(route="/things/{id}",status="200")"));
  EXPECT_THAT(page, HasSubstr(R"(route="unmatched",status="404")"));
  EXPECT_THAT(page, Not(HasSubstr("4711")));
  EXPECT_THAT(page, Not(HasSubstr("secret-path")));
  EXPECT_EQ(stats.total.value(), 2);
  EXPECT_EQ(stats.active.value(), 0);
}

TEST_F(RequestPipelineTest, TheClientsTimeoutShortensTheDeadline) {
  Ask("GET /things/1 HTTP/1.1\r\nHost: h\r\nX-Request-Timeout-Ms: 50\r\n\r\n");
  EXPECT_EQ(remaining, Duration(std::chrono::milliseconds(50)));
  Ask("GET /things/1 HTTP/1.1\r\nHost: h\r\nX-Request-Timeout-Ms: 999999\r\n\r\n");
  EXPECT_EQ(remaining, Duration(std::chrono::seconds(3)));
  EXPECT_THAT(Ask("GET /things/1 HTTP/1.1\r\nHost: h\r\nX-Request-Timeout-Ms: soon\r\n\r\n"),
              StartsWith("HTTP/1.1 422"));
}

TEST_F(RequestPipelineTest, WhatIsOverTheLimitIsRefusedAtOnceAndProbesAreNot) {
  const std::optional<ConcurrencyPermit> other = limiter.TryAcquire(0);
  const std::string refused = Ask("GET /things/1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(refused, HasSubstr("/problems/overloaded"));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(Ask("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(RequestPipelineTest, APlaceIsGivenBackWhateverTheAnswer) {
  for (const char* path : {"/things/1", "/missing", "/nowhere", "/things/1"}) {
    Ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(limiter.Snapshot().in_flight, 0) << path;
  }
}

TEST_F(RequestPipelineTest, ARequestWhoseClientLeavesBeforeItIsWholeIsNotCounted) {
  connection.OnBytes("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");
  connection.OnDisconnect();
  EXPECT_EQ(stats.total.value(), 0);
  EXPECT_EQ(stats.active.value(), 0);
  EXPECT_EQ(shared.use_count(), 1) << "its coroutine has ended";
}

TEST_F(RequestPipelineTest, ARequestsContextCarriesItsRoute) {
  Ask("GET /things/1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(route, routes.Find(Method::kGet, "/things/1").route);
}

TEST_F(RequestPipelineTest, ProbesAreNeitherLoggedNorCountedAsTraffic) {
  Ask("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(stats.total.value(), 0);
}

TEST_F(RequestPipelineTest, WhatTheHeadAloneGetsRefusedIsAnsweredBeforeTheBody) {
  for (const char* line : {"POST /nowhere HTTP/1.1\r\n", "POST /missing HTTP/1.1\r\n",
                           "POST /upload HTTP/1.1\r\nX-Request-Timeout-Ms: soon\r\n"}) {
    const std::string refused = Ask(std::string(line) + "Host: h\r\nContent-Length: 3\r\n\r\n");
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 4")) << line;
    EXPECT_THAT(refused, HasSubstr("Connection: keep-alive"));
    EXPECT_THAT(Ask("abcGET /livez HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  }
}

TEST_F(RequestPipelineTest, WhatIsRefusedForItsHeadAloneGetsNo100Continue) {
  EXPECT_THAT(Ask("POST /missing HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                  "Expect: 100-continue\r\n\r\n"),
              StartsWith("HTTP/1.1 405"));
}

TEST_F(RequestPipelineTest, TheDeadlineCountsFromTheFirstByte) {
  connection.OnBytes("POST /upload HTTP/1.1\r\n");
  clock.Advance(std::chrono::seconds(1));
  connection.OnBytes("Host: h\r\nContent-Length: 3\r\n\r\n");
  clock.Advance(std::chrono::seconds(1));
  connection.OnBytes("abc");
  EXPECT_EQ(remaining, Duration(std::chrono::seconds(1)));
}

TEST_F(RequestPipelineTest, TheTimeOfTheClientsUploadIsNotThisInstances) {
  for (const Duration pause : {Duration(0), Duration(std::chrono::seconds(10))}) {
    for (int i = 0; i < 5; ++i) {
      connection.BeginTurn();
      connection.OnBytes("POST /upload HTTP/1.1\r\n");
      clock.Advance(pause);
      connection.OnBytes("Host: h\r\nContent-Length: 3\r\n\r\n");
      clock.Advance(pause);
      connection.OnBytes("abc");
      clock.Advance(limits_of_one.window);
    }
  }
  EXPECT_EQ(stats.total.value(), 10);
  EXPECT_EQ(stats.latency_seconds.sum(), 0);
  EXPECT_EQ(limiter.Snapshot().latency_gradient, 1);
}

TEST_F(RequestPipelineTest, TheLimiterCountsTheTimeThatARequestWaitedForItsTurn) {
  for (int i = 0; i < 5; ++i) {
    Ask("GET /things/1 HTTP/1.1\r\nHost: h\r\n\r\n");
    clock.Advance(limits_of_one.window);
  }
  ASSERT_EQ(limiter.Snapshot().latency_gradient, 1);
  std::string pipelined;
  for (int i = 0; i <= kRequestsPerTurn; ++i) {
    pipelined += "GET /things/1 HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  Ask(pipelined);
  ASSERT_TRUE(socket.turn_requested);
  clock.Advance(std::chrono::seconds(60));
  connection.BeginTurn();
  EXPECT_LT(limiter.Snapshot().latency_gradient, 1);
}

TEST_F(RequestPipelineTest, AnAnswerAfterTheDeadlineLowersTheLimit) {
  for (int i = 0; i < 5; ++i) {
    Ask("GET /works HTTP/1.1\r\nHost: h\r\n\r\n");
    clock.Advance(limits_of_one.window);
  }
  ASSERT_EQ(limiter.Snapshot().latency_gradient, 1);
  work = std::chrono::seconds(3);
  outcome = absl::DeadlineExceededError("too late");
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(Ask("GET /works HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 504"));
  }
  EXPECT_LT(limiter.Snapshot().latency_gradient, 1);
}

}  // namespace
}  // namespace scaleout::gateway
