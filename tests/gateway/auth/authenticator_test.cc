#include "gateway/auth/authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/auth/auth_refusal.h"
#include "tests/support/fake_sessions.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::IsEmpty;
using testing::RunningTask;
using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

TEST(FindBearerToken, IsThatOfTheOneAuthorizationHeader) {
  EXPECT_EQ(*FindBearerToken(Headers{}), "");
  EXPECT_EQ(*FindBearerToken(Headers{{"Host", "h"}, {"X-Authorization", "Bearer x"}}), "");
  for (const char* value : {"Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c"}) {
    EXPECT_EQ(*FindBearerToken(Headers{{"Host", "h"}, {"authorization", value}}), "a.b.c") << value;
  }
}

TEST(FindBearerToken, RefusesWhatItDoesNotUnderstand) {
  for (const char* value :
       {"", "Bearer", "Bearer ", "Bearer\ta.b.c", "Basic YTpi", "a.b.c", "Bearera.b.c", "Digest"}) {
    EXPECT_TRUE(
        absl::IsUnauthenticated(FindBearerToken(Headers{{"Authorization", value}}).status()))
        << value;
  }
  EXPECT_TRUE(absl::IsUnauthenticated(
      FindBearerToken(Headers{{"Authorization", "Bearer a"}, {"AUTHORIZATION", "Bearer a"}})
          .status()));
}

class AuthenticatorTest : public ::testing::Test, protected testing::RequestFixture {
 protected:
  absl::Status Admit(std::string_view token, Access access = Access::kUser) {
    RunningTask<absl::Status> admitting(authenticator.AdmitToken(context, access, token));
    return admitting.value();
  }
  double Tokens(const char* result) {
    return metrics->AddCounter("gateway_auth_tokens_total", "", {{"result", result}}).value();
  }

  std::unique_ptr<Metrics> metrics = MakeMetrics();
  testing::FakeAuth auth{clock, *metrics};
  Authenticator authenticator{auth.parts()};
};

TEST_F(AuthenticatorTest, AdmitsByTheRouteAndTheRole) {
  const std::string customer = auth.Token();
  const std::string admin = auth.Token("admin");
  EXPECT_EQ(Admit(customer, Access::kPublic), absl::OkStatus());
  EXPECT_EQ(Admit(customer, Access::kUser), absl::OkStatus());
  EXPECT_EQ(context.principal, (Principal{7, Role::kCustomer, false}));
  EXPECT_EQ(Admit(admin, Access::kAdmin), absl::OkStatus());
  EXPECT_EQ(context.principal, (Principal{7, Role::kAdmin, false}));
}

TEST_F(AuthenticatorTest, SetsNoPrincipalWhereItRefuses) {
  EXPECT_EQ(Admit(auth.Token(), Access::kAdmin), Forbidden());
  EXPECT_EQ(Admit("x"), InvalidToken());
  auth.sessions.alive = false;
  EXPECT_EQ(Admit(auth.Token()), SessionEnded());
  EXPECT_EQ(context.principal, Principal());
  EXPECT_EQ(context.session_id, "");
}

TEST_F(AuthenticatorTest, VerifiesATokenOnceAndAsksForItsSessionEachTime) {
  const std::string token = auth.Token();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Admit(token), absl::OkStatus());
  EXPECT_EQ(Tokens("verified"), 1);
  EXPECT_EQ(Tokens("remembered"), 2);
  EXPECT_EQ(auth.sessions.asked.size(), 3U);
}

TEST_F(AuthenticatorTest, RemembersNoTokenThatIsInvalid) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Admit(auth.Token() + "x"), InvalidToken());
  EXPECT_EQ(Tokens("invalid"), 3);
  EXPECT_EQ(Tokens("remembered"), 0);
  EXPECT_EQ(Admit(std::string(kMaxTokenBytes + 1, 'x')), InvalidToken());
  EXPECT_EQ(Tokens("invalid"), 4);
  EXPECT_THAT(auth.sessions.asked, IsEmpty());
}

TEST_F(AuthenticatorTest, RefusesATokenThatHasExpiredSinceItWasVerified) {
  const std::string token = auth.Token();
  EXPECT_EQ(Admit(token), absl::OkStatus());
  clock.Advance(std::chrono::minutes(15) + kTokenLeeway);
  context.deadline = clock.Now() + std::chrono::seconds(3);
  EXPECT_EQ(Admit(token), ExpiredToken());
}

TEST_F(AuthenticatorTest, HoldsBackAnAddressThatForgesTokens) {
  const std::unique_ptr<ForgedTokenLimit> limit =
      MakeForgedTokenLimit(RateLimit{3, std::chrono::minutes(1)}, *metrics);
  auth.forged = limit.get();
  Authenticator limited(auth.parts());
  const auto admit = [&](const std::string& token) {
    RunningTask<absl::Status> admitting(limited.AdmitToken(context, Access::kPublic, token));
    return admitting.value();
  };
  const std::string known = auth.Token();
  const std::string fresh = auth.Token("admin");
  EXPECT_EQ(admit(known), absl::OkStatus());
  const testing::TokenSigner other;
  const std::string forged =
      other.Sign(auth.signer.Header(), testing::TokenClaims(clock.WallNow()).ToJson());
  // What costs no signature check is not counted.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(admit("garbage"), InvalidToken());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(admit(forged), InvalidToken());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(absl::IsResourceExhausted(admit(forged)));
  EXPECT_EQ(Tokens("invalid"), 13);
  EXPECT_TRUE(absl::IsResourceExhausted(admit(fresh))) << "it would cost a check to know";
  EXPECT_EQ(admit(known), absl::OkStatus()) << "remembered";
  context.client = *IpAddress::Parse("203.0.113.2");
  EXPECT_EQ(admit(fresh), absl::OkStatus()) << "from elsewhere";
  context.client = {};
  clock.Advance(std::chrono::seconds(20));
  context.deadline = clock.Now() + std::chrono::seconds(3);
  EXPECT_EQ(admit(forged), InvalidToken());
  EXPECT_TRUE(absl::IsResourceExhausted(admit(forged)));
}

TEST_F(AuthenticatorTest, RemembersATokenThatIsWithinItsLeeway) {
  const std::string token = auth.Token();
  clock.Advance(std::chrono::minutes(15) + kTokenLeeway / 2);
  context.deadline = clock.Now() + std::chrono::seconds(3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Admit(token), absl::OkStatus());
  EXPECT_EQ(Tokens("verified"), 1);
  EXPECT_EQ(Tokens("remembered"), 2);
}

TEST_F(AuthenticatorTest, IsNeverOpen) {
  for (const absl::Status& error :
       {absl::UnavailableError("away"), absl::DeadlineExceededError("slow"),
        absl::InternalError("broken"), absl::CancelledError("restarted")}) {
    auth.sessions.alive = error;
    EXPECT_EQ(Admit(auth.Token(), Access::kPublic), SessionUnknown()) << error;
    EXPECT_EQ(context.principal, Principal());
  }
}

TEST_F(AuthenticatorTest, ARequestThatIsOverSaysNothingAboutSessions) {
  auth.sessions.alive = absl::DeadlineExceededError("no time");
  context.deadline = clock.Now();
  EXPECT_EQ(Admit(auth.Token()), absl::DeadlineExceededError("no time"));
  context.deadline = clock.Now() + std::chrono::seconds(3);
  context.cancellation.Cancel();
  auth.sessions.alive = absl::CancelledError("gone");
  EXPECT_EQ(Admit(auth.Token()), absl::CancelledError("gone"));
}

TEST_F(AuthenticatorTest, WithoutATokenTheRouteDecides) {
  EXPECT_EQ(authenticator.AdmitWithoutToken(context, Access::kPublic), absl::OkStatus());
  EXPECT_EQ(authenticator.AdmitWithoutToken(context, Access::kInternal), absl::OkStatus());
  for (const Access access : {Access::kUser, Access::kAdmin}) {
    EXPECT_TRUE(absl::IsUnauthenticated(authenticator.AdmitWithoutToken(context, access)));
  }
  EXPECT_EQ(context.principal, Principal());
}

TEST_F(AuthenticatorTest, WhereTokensAreOptionalItIsTheLabThatAsksForWhatNeedsOne) {
  Authenticator lab(auth.parts(AuthMode::kOptional));
  EXPECT_EQ(lab.AdmitWithoutToken(context, Access::kPublic), absl::OkStatus());
  EXPECT_EQ(lab.AdmitWithoutToken(context, Access::kInternal), absl::OkStatus());
  EXPECT_EQ(context.principal, Principal());
  for (const Access access : {Access::kUser, Access::kAdmin}) {
    EXPECT_EQ(lab.AdmitWithoutToken(context, access), absl::OkStatus());
    EXPECT_EQ(std::exchange(context.principal, {}), kLabPrincipal);
  }
}

}  // namespace
}  // namespace scaleout::gateway
