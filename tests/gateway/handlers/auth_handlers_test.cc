#include "gateway/handlers/auth_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/status.h"
#include "gateway/http/problem.h"
#include "tests/support/fake_backends.h"
#include "tests/support/fake_login_rate_limit.h"
#include "tests/support/refused_fields.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"
#include "tests/support/token_signer.h"

namespace scaleout::gateway {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using testing::RefusedFields;
using testing::RunningTask;
using ::testing::SizeIs;
using testing::TestRequest;
using Answer = absl::StatusOr<Response>;

constexpr char kSession[] = "0123456789abcdef0123456789abcdef";
constexpr char kSecret[] = "correct horse battery";

user::v1::Tokens SomeTokens() {
  user::v1::Tokens tokens;
  tokens.set_access_token("a.b.c");
  tokens.set_expires_in_seconds(900);
  tokens.set_refresh_token("r");
  return tokens;
}

constexpr char kTokens[] =
    R"({"accessToken":"a.b.c","tokenType":"Bearer","expiresIn":900,"refreshToken":"r"})";

class AuthHandlersTest : public ::testing::Test {
 protected:
  using Verb = Task<Answer> (AuthHandlers::*)(RequestContext&, const Request&);

  Answer Ask(Verb verb, const TestRequest& request) {
    RunningTask<Answer> running((handlers_.*verb)(fixture_.context, request));
    return running.value();
  }
  Answer Ask(Verb verb, const std::string& json) {
    TestRequest request;
    request.Json(json);
    return Ask(verb, request);
  }
  void LogIn() {
    fixture_.context.principal = {7, Role::kCustomer, false};
    fixture_.context.session_id = kSession;
  }

  testing::RequestFixture fixture_;
  testing::TokenSigner signer_;
  testing::FakeAuthBackend auth_;
  testing::FakeUserBackend users_;
  testing::FakeLoginRateLimit rates_;
  AuthHandlers handlers_{auth_, users_, rates_, *TokenKeys::Parse(signer_.PublicPem())};
};

TEST_F(AuthHandlersTest, RegistersAUser) {
  user::v1::RegisterResponse made;
  made.mutable_user()->set_id(7);
  made.mutable_user()->set_email("anna@example.com");
  auth_.register_user.Answers(made);
  const Answer answer =
      Ask(&AuthHandlers::Register,
          R"({"email":"anna@example.com","name":"Anna","password":"correct horse battery"})");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 201);
  EXPECT_THAT(answer->headers, Contains(Pair("Location", "/api/users/7")));
  EXPECT_THAT(answer->body, HasSubstr(R"("id":7,"email":"anna@example.com")"));
  EXPECT_THAT(answer->body, Not(HasSubstr(kSecret)));
  ASSERT_THAT(auth_.register_user.asked(), SizeIs(1));
  EXPECT_EQ(auth_.register_user.asked()[0].email(), "anna@example.com");
  EXPECT_EQ(auth_.register_user.asked()[0].name(), "Anna");
  EXPECT_EQ(auth_.register_user.asked()[0].password(), kSecret);
  EXPECT_EQ(rates_.registrations, 1);
}

TEST_F(AuthHandlersTest, ListsEveryFieldOfARegistrationThatIsRefusedAndNoPassword) {
  const Answer answer = Ask(&AuthHandlers::Register,
                            R"({"email":"anna","name":"","password":"hunter2","role":"admin"})");
  EXPECT_EQ(HttpStatusOf(answer.status()), 422);
  EXPECT_THAT(RefusedFields(answer.status()), ElementsAre("/email", "/name", "/password", "/role"));
  EXPECT_THAT(RenderProblem(answer.status(), "/", "r").body, Not(HasSubstr("hunter2")));
  EXPECT_THAT(auth_.register_user.asked(), IsEmpty());
  EXPECT_EQ(rates_.registrations, 0);
}

TEST_F(AuthHandlersTest, LogsInWithTokensThatNoCacheMayKeep) {
  user::v1::LoginResponse made;
  *made.mutable_tokens() = SomeTokens();
  made.set_user_id(7);
  auth_.login.Answers(made);
  const Answer answer = Ask(&AuthHandlers::Login,
                            R"({"email":"Anna@example.com","password":"correct horse battery"})");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, kTokens);
  EXPECT_THAT(answer->headers, Contains(Pair("Cache-Control", "no-store")));
  ASSERT_THAT(auth_.login.asked(), SizeIs(1));
  EXPECT_EQ(auth_.login.asked()[0].email(), "Anna@example.com");
  EXPECT_EQ(auth_.login.asked()[0].password(), kSecret);
  EXPECT_THAT(rates_.logins, ElementsAre("Anna@example.com"));
}

TEST_F(AuthHandlersTest, AWrongPasswordIsA401OfItsOwnType) {
  auth_.login.Answers(WithReason(
      absl::UnauthenticatedError("The address or the password is wrong."), "INVALID_CREDENTIALS"));
  const Answer answer = Ask(&AuthHandlers::Login,
                            R"({"email":"anna@example.com","password":"correct horse battery"})");
  const Response problem = RenderProblem(answer.status(), "/", "r");
  EXPECT_EQ(problem.status, 401);
  EXPECT_THAT(problem.body, HasSubstr("/problems/invalid-credentials"));
  EXPECT_THAT(problem.body, Not(HasSubstr("anna")));
  EXPECT_THAT(problem.body, Not(HasSubstr(kSecret)));
}

TEST_F(AuthHandlersTest, AsksNothingThatTheRateLimitsRefuse) {
  rates_.status = absl::ResourceExhaustedError("too many");
  EXPECT_EQ(Ask(&AuthHandlers::Login, R"({"email":"a@example.com","password":"p"})").status(),
            rates_.status);
  EXPECT_EQ(Ask(&AuthHandlers::Register,
                R"({"email":"a@example.com","name":"A","password":"correct horse battery"})")
                .status(),
            rates_.status);
  EXPECT_THAT(auth_.login.asked(), IsEmpty());
  EXPECT_THAT(auth_.register_user.asked(), IsEmpty());
}

TEST_F(AuthHandlersTest, RefreshesTokens) {
  user::v1::RefreshResponse made;
  *made.mutable_tokens() = SomeTokens();
  auth_.refresh.Answers(made);
  const Answer answer = Ask(&AuthHandlers::Refresh, R"({"refreshToken":"old"})");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->body, kTokens);
  EXPECT_THAT(answer->headers, Contains(Pair("Cache-Control", "no-store")));
  EXPECT_EQ(auth_.refresh.asked()[0].refresh_token(), "old");
}

TEST_F(AuthHandlersTest, RefusesARefreshTokenThatIsNone) {
  for (const std::string& json : {std::string("{}"), std::string(R"({"refreshToken":""})"),
                                  std::string(R"({"refreshToken":7})"),
                                  R"({"refreshToken":")" + std::string(77, 'x') + "\"}"}) {
    EXPECT_THAT(RefusedFields(Ask(&AuthHandlers::Refresh, json).status()),
                ElementsAre("/refreshToken"));
  }
  EXPECT_THAT(auth_.refresh.asked(), IsEmpty());
}

TEST_F(AuthHandlersTest, LogsOutTheSessionOfTheToken) {
  auth_.logout.Answers(user::v1::LogoutResponse());
  LogIn();
  const Answer answer = Ask(&AuthHandlers::Logout, TestRequest());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 204);
  ASSERT_THAT(auth_.logout.asked(), SizeIs(1));
  EXPECT_EQ(auth_.logout.asked()[0].session_id(), kSession);
  EXPECT_THAT(auth_.logout.asked_by(), ElementsAre(fixture_.context.principal));
}

TEST_F(AuthHandlersTest, TheLabsPrincipalHasNoSessionToEnd) {
  fixture_.context.principal = kLabPrincipal;
  EXPECT_EQ(HttpStatusOf(Ask(&AuthHandlers::Logout, TestRequest()).status()), 401);
  EXPECT_THAT(auth_.logout.asked(), IsEmpty());
}

TEST_F(AuthHandlersTest, SaysWhoAsks) {
  LogIn();
  user::v1::GetUserResponse found;
  found.mutable_user()->set_id(7);
  found.mutable_user()->set_role(rpc::v1::ROLE_ADMIN);
  users_.get_user.Answers(found);
  const Answer answer = Ask(&AuthHandlers::Me, TestRequest());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(answer->body, HasSubstr(R"({"id":7,)"));
  EXPECT_THAT(answer->body, HasSubstr(R"("role":"admin")"));
  ASSERT_THAT(users_.get_user.asked(), SizeIs(1));
  EXPECT_EQ(users_.get_user.asked()[0].user_id(), 7);
  EXPECT_THAT(users_.get_user.asked_by(), ElementsAre(fixture_.context.principal));
}

TEST_F(AuthHandlersTest, SaysThatTheLabAsks) {
  fixture_.context.principal = kLabPrincipal;
  EXPECT_EQ(Ask(&AuthHandlers::Me, TestRequest())->body, R"({"lab":true,"role":"admin"})");
  EXPECT_THAT(users_.get_user.asked(), IsEmpty());
}

TEST_F(AuthHandlersTest, ListsTheKeysAsAJwkSet) {
  const PublicKey key = *PublicKey::Parse(signer_.PublicPem());
  EXPECT_EQ(Ask(&AuthHandlers::Keys, TestRequest())->body,
            R"({"keys":[{"kty":"EC","crv":"P-256","x":")" + key.x() + R"(","y":")" + key.y() +
                R"(","kid":")" + key.kid() + R"(","alg":"ES256","use":"sig"}]})");
}

TEST_F(AuthHandlersTest, RefuseQueryParameters) {
  LogIn();
  TestRequest request;
  request.Query("token", "x").Json(R"({"refreshToken":"old"})");
  for (const Verb verb :
       {&AuthHandlers::Refresh, &AuthHandlers::Logout, &AuthHandlers::Me, &AuthHandlers::Keys}) {
    EXPECT_THAT(RefusedFields(Ask(verb, request).status()), ElementsAre("/token"));
  }
}

}  // namespace
}  // namespace scaleout::gateway
