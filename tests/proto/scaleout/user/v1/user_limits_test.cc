#include "proto/scaleout/user/v1/user_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/proto/contract_documents.h"

namespace scaleout::user::v1 {
namespace {

using scaleout::testing::DocumentedLimit;
using scaleout::testing::Migrations;
using scaleout::testing::OpenApiValue;
using scaleout::testing::ProtoComment;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::StartsWith;

constexpr char kUserProto[] = "scaleout/user/v1/user.proto";

std::string FromTo(std::size_t min, std::size_t max, const char* to) {
  return std::to_string(min) + to + std::to_string(max);
}

TEST(UserLimits, AcceptEmailAddressesOfThreeTo254Characters) {
  EXPECT_EQ(FindEmailViolation("a@b"), std::nullopt);
  EXPECT_EQ(FindEmailViolation("a@" + std::string(252, 'b')), std::nullopt);
  EXPECT_EQ(FindEmailViolation("zoë@bücher.example"), std::nullopt);
  for (const std::string& bad : {std::string(), std::string("x"), std::string("a@"),
                                 std::string("@b"), "a@" + std::string(253, 'b')}) {
    EXPECT_THAT(FindEmailViolation(bad), Optional(HasSubstr("3 to 254 characters"))) << bad;
  }
}

TEST(UserLimits, RefuseWhatCannotBeAnEmailAddress) {
  for (const char* bad : {"ada", "@example.com", "ada@", "a@b@c", "a@@b", "@@@",
                          "ada lovelace@example.com", "ada@example com"}) {
    EXPECT_THAT(FindEmailViolation(bad), Optional(HasSubstr("e-mail address"))) << bad;
  }
  EXPECT_THAT(FindEmailViolation("a\n@example.com"), Optional(HasSubstr("control")));
  EXPECT_THAT(FindEmailViolation(std::string("a\0@example.com", 14)),
              Optional(HasSubstr("control")));
}

TEST(UserLimits, AcceptNamesOfOneTo100Characters) {
  std::string longest;
  for (int i = 0; i < 100; ++i) longest += "é";
  EXPECT_EQ(FindNameViolation("A"), std::nullopt);
  EXPECT_EQ(FindNameViolation(longest), std::nullopt);
  EXPECT_THAT(FindNameViolation(""), Optional(HasSubstr("1 to 100 characters")));
  EXPECT_THAT(FindNameViolation(longest + "é"), Optional(HasSubstr("1 to 100 characters")));
  EXPECT_THAT(FindNameViolation("A\tB"), Optional(HasSubstr("control")));
}

TEST(UserLimits, AreThoseOfTheOpenApiDocument) {
  const std::string schemas = "components.schemas.";
  EXPECT_EQ(OpenApiValue(schemas + "Email.minLength"), std::to_string(kMinEmailCharacters));
  EXPECT_EQ(OpenApiValue(schemas + "Email.maxLength"), std::to_string(kMaxEmailCharacters));
  EXPECT_EQ(OpenApiValue(schemas + "UserName.minLength"), std::to_string(kMinNameCharacters));
  EXPECT_EQ(OpenApiValue(schemas + "UserName.maxLength"), std::to_string(kMaxNameCharacters));
}

TEST(UserLimits, AreThoseOfTheProtosComments) {
  const std::string email = FromTo(kMinEmailCharacters, kMaxEmailCharacters, " to ");
  const std::string name = FromTo(kMinNameCharacters, kMaxNameCharacters, " to ");
  for (const std::string message : {"User", "CreateUserRequest", "UpdateUserRequest"}) {
    EXPECT_THAT(ProtoComment(kUserProto, message + ".email"), HasSubstr(email + " characters"))
        << message;
    EXPECT_THAT(ProtoComment(kUserProto, message + ".name"), HasSubstr(name + " characters"))
        << message;
  }
}

TEST(UserLimits, AreThoseOfTheLimitsPage) {
  EXPECT_THAT(DocumentedLimit("e-mail address"),
              StartsWith(FromTo(kMinEmailCharacters, kMaxEmailCharacters, " to ") + " characters"));
  EXPECT_THAT(DocumentedLimit("name of a user"),
              StartsWith(FromTo(kMinNameCharacters, kMaxNameCharacters, " to ") + " characters"));
}

TEST(UserLimits, AreThoseOfTheDatabase) {
  EXPECT_THAT(Migrations("user"),
              HasSubstr("char_length(email) BETWEEN " +
                        FromTo(kMinEmailCharacters, kMaxEmailCharacters, " AND ")));
  EXPECT_THAT(Migrations("user"),
              HasSubstr("char_length(name) BETWEEN " +
                        FromTo(kMinNameCharacters, kMaxNameCharacters, " AND ")));
}

}  // namespace
}  // namespace scaleout::user::v1
