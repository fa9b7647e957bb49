#include "proto/scaleout/user/v1/auth_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "gateway/auth/token_verifier.h"
#include "redis/revocation_stream.h"
#include "tests/proto/contract_documents.h"

namespace scaleout::user::v1 {
namespace {

using scaleout::testing::DocumentedLimit;
using scaleout::testing::ProtoComment;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;
using ::testing::StartsWith;

constexpr char kAuthProto[] = "scaleout/user/v1/auth.proto";

TEST(AuthLimits, AcceptPasswordsOf12To200Bytes) {
  EXPECT_EQ(FindPasswordViolation("twelve bytes"), std::nullopt);
  EXPECT_EQ(FindPasswordViolation(std::string(200, 'p')), std::nullopt);
  // Bytes, not characters.
  EXPECT_EQ(FindPasswordViolation("éééééé"), std::nullopt);
  for (const std::string& bad :
       {std::string(), std::string("eleven byte"), std::string(201, 'p')}) {
    EXPECT_THAT(FindPasswordViolation(bad), Optional(HasSubstr("12 to 200 bytes"))) << bad;
  }
  for (const std::string& bad : {std::string("twelve\nbytes"), std::string("twelve\0bytes", 12)}) {
    EXPECT_THAT(FindPasswordViolation(bad), Optional(HasSubstr("control"))) << bad;
  }
}

TEST(AuthLimits, ViolationsOfPasswordsHaveNoPartOfThem) {
  EXPECT_THAT(FindPasswordViolation("hunter2"), Optional(Not(HasSubstr("hunter"))));
  EXPECT_THAT(FindPasswordViolation("hunter2\nhunter2"), Optional(Not(HasSubstr("hunter"))));
}

TEST(AuthLimits, CompareAnyPasswordThatAUserCanHave) {
  EXPECT_EQ(FindLoginPasswordViolation("p"), std::nullopt);
  EXPECT_EQ(FindLoginPasswordViolation(std::string(200, 'p')), std::nullopt);
  for (const std::string& bad : {std::string(), std::string(201, 'p')}) {
    EXPECT_THAT(FindLoginPasswordViolation(bad), Optional(HasSubstr("1 to 200 bytes")));
  }
}

TEST(AuthLimits, AcceptSessionsOf32LowerCaseHexadecimalDigits) {
  EXPECT_EQ(FindSessionIdViolation("0123456789abcdef0123456789abcdef"), std::nullopt);
  for (const char* bad :
       {"", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789abcdef", "0123456789abcdeg0123456789abcdef"}) {
    EXPECT_THAT(FindSessionIdViolation(bad), Optional(HasSubstr("32 lower-case"))) << bad;
  }
}

// The user service's times and the gateway's: as long as a token is accepted, the stream and the
// table say that its session has ended.
TEST(AuthLimits, ForgetASessionsEndOnlyAfterItsTokens) {
  EXPECT_LE(kAccessTokenTime, gateway::kMaxTokenLifetime);
  EXPECT_LE(gateway::kMaxTokenLifetime + 2 * gateway::kTokenLeeway, kRevocationAge);
  EXPECT_LE(kRevocationAge, kRevocationTime);
}

TEST(AuthLimits, AreThoseOfTheProtosComments) {
  EXPECT_THAT(ProtoComment(kAuthProto, "RegisterRequest.password"), HasSubstr("12 to 200 bytes"));
  EXPECT_THAT(ProtoComment(kAuthProto, "LogoutRequest.session_id"),
              HasSubstr("32 lower-case hexadecimal digits"));
  EXPECT_THAT(ProtoComment(kAuthProto, "Tokens.refresh_token"), HasSubstr("30 days"));
  EXPECT_THAT(ProtoComment(kAuthProto, "ListRevocationsRequest.page_size"),
              HasSubstr("0 means 1000; more than 10000 means 10000"));
}

TEST(AuthLimits, AreThoseOfTheLimitsPage) {
  EXPECT_THAT(DocumentedLimit("password"), StartsWith("12 to 200 bytes"));
  EXPECT_THAT(DocumentedLimit("id of a session"), StartsWith("32 lower-case hexadecimal digits"));
}

}  // namespace
}  // namespace scaleout::user::v1
