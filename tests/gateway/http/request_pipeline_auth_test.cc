#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "gateway/auth/auth_refusal.h"
#include "gateway/http/request_pipeline.h"
#include "tests/gateway/http/request_pipeline_fixture.h"

namespace scaleout::gateway {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class RequestPipelineAuthTest : public RequestPipelineTest {
 protected:
  std::string Get(std::string_view path, std::string_view authorization = "") {
    std::string request = "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n";
    if (!authorization.empty()) {
      request += "Authorization: " + std::string(authorization) + "\r\n";
    }
    return Ask(request + "\r\n");
  }
  std::string Bearer(std::string role = "customer") const {
    return "Bearer " + auth.Token(std::move(role));
  }
};

TEST_F(RequestPipelineAuthTest, AHandlerKnowsOnWhoseBehalfItIsAsked) {
  EXPECT_THAT(Get("/mine", Bearer()), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(principal, (Principal{7, Role::kCustomer, false}));
  EXPECT_EQ(session_id, "0123456789abcdef0123456789abcdef");
  EXPECT_THAT(Get("/all", Bearer("admin")), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(principal, (Principal{7, Role::kAdmin, false}));
}

TEST_F(RequestPipelineAuthTest, AUsersRouteNeedsAToken) {
  EXPECT_THAT(Get("/mine"),
              AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("/problems/unauthenticated"),
                    HasSubstr("WWW-Authenticate: Bearer realm=\"scaleout\"\r\n")));
  EXPECT_THAT(Get("/all"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(Ask("HEAD /mine HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 401"));
}

TEST_F(RequestPipelineAuthTest, ACustomerMayNotDoWhatAdminsMay) {
  EXPECT_THAT(Get("/all", Bearer()),
              AllOf(StartsWith("HTTP/1.1 403"), HasSubstr("/problems/forbidden"),
                    HasSubstr("WWW-Authenticate: Bearer realm=\"scaleout\", "
                              "error=\"insufficient_scope\"\r\n")));
}

// Of a customer who changes a role, say.
TEST_F(RequestPipelineAuthTest, WhatAHandlerRefusesForWhoAsksIsCountedToo) {
  outcome = Forbidden();
  EXPECT_THAT(Get("/works", Bearer()), StartsWith("HTTP/1.1 403"));
  Counter& refusals =
      metrics->AddCounter("gateway_auth_refusals_total", "", {{"reason", "forbidden"}});
  EXPECT_EQ(refusals.value(), 1);
  EXPECT_THAT(Get("/all", Bearer()), StartsWith("HTTP/1.1 403"));
  EXPECT_EQ(refusals.value(), 2);
}

TEST_F(RequestPipelineAuthTest, ATokenIsVerifiedOnPublicRoutesToo) {
  EXPECT_THAT(Get("/things/1"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/things/1", Bearer()), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/things/1", "Bearer abc"),
              AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("/problems/invalid-token"),
                    HasSubstr("WWW-Authenticate: Bearer realm=\"scaleout\", "
                              "error=\"invalid_token\"\r\n"),
                    Not(HasSubstr("abc"))));
}

TEST_F(RequestPipelineAuthTest, ProbesTakeNoNoticeOfTokens) {
  EXPECT_THAT(Get("/probe", "Bearer abc"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/probe", "Basic abc"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/probe", Bearer()), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(principal, Principal());
  EXPECT_THAT(auth.sessions.asked, IsEmpty());
}

TEST_F(RequestPipelineAuthTest, WhatIsNotThereIsNotAuthenticated) {
  EXPECT_THAT(Get("/nowhere", "Bearer abc"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Ask("DELETE /mine HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 405"));
}

TEST_F(RequestPipelineAuthTest, WithoutATokenNobodysSessionIsAskedFor) {
  Get("/things/1");
  Get("/mine");
  EXPECT_THAT(auth.sessions.asked, IsEmpty());
}

TEST_F(RequestPipelineAuthTest, ASessionsEndIsHonouredAtOnce) {
  EXPECT_THAT(Get("/mine", Bearer()), StartsWith("HTTP/1.1 200"));
  auth.sessions.alive = false;
  EXPECT_THAT(Get("/mine", Bearer()),
              AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("/problems/session-ended"),
                    HasSubstr("error=\"invalid_token\"")));
  EXPECT_THAT(auth.sessions.asked, SizeIs(2));
}

TEST_F(RequestPipelineAuthTest, ASessionThatCannotBeCheckedIsRefused) {
  auth.sessions.alive = absl::UnavailableError("away");
  EXPECT_THAT(Get("/mine", Bearer()),
              AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("/problems/session-unknown"),
                    HasSubstr("Retry-After: 1\r\n")));
}

TEST_F(RequestPipelineAuthTest, ARefusedRequestsBodyIsNotRead) {
  const std::string refused =
      Ask("POST /upload HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer abc\r\nContent-Length: 3\r\n"
          "Expect: 100-continue\r\n\r\n");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 401"));
}

TEST_F(RequestPipelineAuthTest, ABodyThatArrivesDuringTheCheckIsRead) {
  auth.sessions.holds = true;
  const std::string head = "POST /upload HTTP/1.1\r\nHost: h\r\nAuthorization: " + Bearer() +
                           "\r\nContent-Length: 3\r\n\r\n";
  EXPECT_THAT(Ask(head), IsEmpty());
  connection.OnBytes("abc");
  EXPECT_THAT(socket.text, IsEmpty());
  auth.sessions.Release();
  EXPECT_THAT(socket.text, AllOf(StartsWith("HTTP/1.1 200"), EndsWith("abc")));
  EXPECT_EQ(principal.user_id, 7);
}

TEST_F(RequestPipelineAuthTest, ABodyThatArrivesAfterTheCheckIsRead) {
  auth.sessions.holds = true;
  Ask("POST /upload HTTP/1.1\r\nHost: h\r\nAuthorization: " + Bearer() +
      "\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  connection.OnBytes("a");
  EXPECT_THAT(socket.text, IsEmpty());
  auth.sessions.Release();
  EXPECT_EQ(socket.text, "HTTP/1.1 100 Continue\r\n\r\n");
  connection.OnBytes("bc");
  EXPECT_THAT(socket.text, EndsWith("abc"));
}

// Else a client could begin a request, log out, and send what the request changes.
TEST_F(RequestPipelineAuthTest, ASessionThatEndsWhileABodyComesIsHonoured) {
  const std::string head = "POST /upload HTTP/1.1\r\nHost: h\r\nAuthorization: " + Bearer() +
                           "\r\nContent-Length: 3\r\n\r\n";
  Ask(head + "a");
  auth.sessions.alive = false;
  clock.Advance(kMaxAdmissionAge);
  connection.OnBytes("bc");
  EXPECT_THAT(socket.text, StartsWith("HTTP/1.1 200")) << "within what a revocation may take";
  EXPECT_THAT(auth.sessions.asked, SizeIs(1));

  auth.sessions.alive = true;
  principal = {};
  Ask(head + "a");
  auth.sessions.alive = false;
  clock.Advance(kMaxAdmissionAge + Duration(1));
  connection.OnBytes("bc");
  EXPECT_THAT(socket.text, AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("/problems/session-ended")));
  EXPECT_EQ(principal, Principal()) << "the handler was not asked";
  EXPECT_THAT(auth.sessions.asked, SizeIs(3));
}

TEST_F(RequestPipelineAuthTest, ALongBodyIsTakenWhileItsSessionLives) {
  Ask("POST /upload HTTP/1.1\r\nHost: h\r\nAuthorization: " + Bearer() +
      "\r\nContent-Length: 3\r\n\r\na");
  clock.Advance(2 * kMaxAdmissionAge);
  connection.OnBytes("bc");
  EXPECT_THAT(socket.text, AllOf(StartsWith("HTTP/1.1 200"), EndsWith("abc")));
  EXPECT_THAT(auth.sessions.asked, SizeIs(2));
}

// A session that ended while its service was asked, twice in a row.
TEST_F(RequestPipelineAuthTest, ALateAnswerAboutASessionIsAskedForAgain) {
  auth.sessions.holds = true;
  Get("/mine", Bearer());
  for (std::size_t asked = 1; asked <= 2; ++asked) {
    ASSERT_THAT(auth.sessions.asked, SizeIs(asked));
    clock.Advance(kMaxAdmissionAge + Duration(1));
    auth.sessions.Release();
    ASSERT_THAT(socket.text, IsEmpty());
  }
  ASSERT_THAT(auth.sessions.asked, SizeIs(3));
  auth.sessions.alive = false;
  auth.sessions.Release();
  EXPECT_THAT(socket.text, AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("/problems/session-ended")));
  EXPECT_EQ(principal, Principal()) << "the handler was not asked";
}

TEST_F(RequestPipelineAuthTest, AConnectionReadsOnAfterTheCheckIfItHadNoRoom) {
  auth.sessions.holds = true;
  limits.head_bytes = 1024;
  const auto small =
      std::make_shared<HttpConnection>(socket, loop, clock, limits, head_writer, *pipeline);
  small->BeginTurn();
  small->OnBytes("POST /big HTTP/1.1\r\nHost: h\r\nAuthorization: " + Bearer() +
                 "\r\nContent-Length: 3000\r\n\r\n" + std::string(1024, 'x'));
  EXPECT_EQ(small->Room(), 0U);
  socket.turn_requested = false;
  auth.sessions.Release();
  EXPECT_TRUE(socket.turn_requested);
  EXPECT_EQ(small->Room(), 3000U - 1024U);
  small->OnBytes(std::string(3000 - 1024, 'x'));
  EXPECT_THAT(socket.text, StartsWith("HTTP/1.1 200"));
}

TEST_F(RequestPipelineAuthTest, AClientThatLeavesDuringTheCheckEndsItsRequest) {
  for (const char* body : {"", "abc"}) {
    auth.sessions.holds = true;
    const auto other =
        std::make_shared<HttpConnection>(socket, loop, clock, limits, head_writer, *pipeline);
    other->BeginTurn();
    other->OnBytes("POST /upload HTTP/1.1\r\nHost: h\r\nAuthorization: " + Bearer() +
                   "\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n" + body);
    other->OnDisconnect();
    auth.sessions.Release();
    EXPECT_THAT(socket.text, IsEmpty());
    EXPECT_EQ(other.use_count(), 1) << "its coroutine has ended";
    EXPECT_EQ(principal, Principal()) << "the handler was not asked";
  }
}

TEST_F(RequestPipelineAuthTest, TheLabsPrincipalMayDoEverythingWhereTokensAreOptional) {
  pipeline = MakeRequestPipeline(
      options, {routes, clock, *metrics, logger, stats, limiter, auth.parts(AuthMode::kOptional)});
  const auto lab =
      std::make_shared<HttpConnection>(socket, loop, clock, limits, head_writer, *pipeline);
  lab->BeginTurn();
  for (const char* path : {"/mine", "/all"}) {
    principal = {};
    lab->OnBytes("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(principal, kLabPrincipal) << path;
  }
  socket.text.clear();
  lab->OnBytes("GET /all HTTP/1.1\r\nHost: h\r\nAuthorization: " + Bearer() + "\r\n\r\n");
  EXPECT_THAT(socket.text, StartsWith("HTTP/1.1 403"));
}

}  // namespace
}  // namespace scaleout::gateway
