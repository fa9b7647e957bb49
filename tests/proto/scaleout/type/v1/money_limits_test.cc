#include "proto/scaleout/type/v1/money_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/proto/contract_documents.h"

namespace scaleout::type::v1 {
namespace {

using scaleout::testing::DocumentedLimit;
using scaleout::testing::OpenApiValue;
using scaleout::testing::ProtoComment;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::StartsWith;

TEST(MoneyLimits, AcceptCurrencyCodesOfThreeUpperCaseLetters) {
  for (const char* code : {"EUR", "AAA", "ZZZ"}) {
    EXPECT_EQ(FindCurrencyCodeViolation(code), std::nullopt) << code;
  }
  for (const std::string& bad : {std::string(), std::string("EU"), std::string("EURO"),
                                 std::string("eur"), std::string("E1R"), std::string("@UR"),
                                 std::string("EU["), std::string("EU\0", 3), std::string("Ö€")}) {
    EXPECT_THAT(FindCurrencyCodeViolation(bad), Optional(HasSubstr("ISO 4217"))) << bad;
  }
}

TEST(MoneyLimits, AreThoseOfTheOpenApiDocument) {
  EXPECT_EQ(OpenApiValue("components.schemas.Currency.pattern"),
            "'^[A-Z]{" + std::to_string(kCurrencyCodeCharacters) + "}$'");
  EXPECT_EQ(OpenApiValue("components.schemas.Amount.minimum"), "0");
  EXPECT_EQ(OpenApiValue("components.schemas.Amount.maximum"), std::to_string(kMaxAmountMinor));
}

TEST(MoneyLimits, AreThoseOfTheLimitsPage) {
  EXPECT_THAT(DocumentedLimit("currency"),
              StartsWith(std::to_string(kCurrencyCodeCharacters) + " upper-case letters"));
}

TEST(MoneyLimits, AreThoseOfTheProtosComments) {
  EXPECT_EQ(kMaxAmountMinor + 1, std::int64_t{1} << 53);
  EXPECT_THAT(ProtoComment("scaleout/type/v1/money.proto", "Money.amount_minor"),
              HasSubstr("below 2^53"));
  EXPECT_THAT(ProtoComment("scaleout/type/v1/money.proto", "Money.currency_code"),
              HasSubstr("three upper-case letters"));
}

}  // namespace
}  // namespace scaleout::type::v1
