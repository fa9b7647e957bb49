#include "proto/scaleout/payment/v1/payment_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/proto/contract_documents.h"

namespace scaleout::payment::v1 {
namespace {

using scaleout::testing::DocumentedLimit;
using scaleout::testing::Migrations;
using scaleout::testing::OpenApiValue;
using scaleout::testing::ProtoComment;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::StartsWith;

constexpr char kPaymentProto[] = "scaleout/payment/v1/payment.proto";

TEST(PaymentLimits, AcceptPaymentMethodTokensOfOneTo200Characters) {
  EXPECT_EQ(FindPaymentMethodTokenViolation("t"), std::nullopt);
  EXPECT_EQ(FindPaymentMethodTokenViolation(std::string(200, 't')), std::nullopt);
  EXPECT_THAT(FindPaymentMethodTokenViolation(""), Optional(HasSubstr("1 to 200 characters")));
  EXPECT_THAT(FindPaymentMethodTokenViolation(std::string(201, 't')),
              Optional(HasSubstr("1 to 200 characters")));
  EXPECT_THAT(FindPaymentMethodTokenViolation("tok\nsuccess"), Optional(HasSubstr("control")));
}

TEST(PaymentLimits, AreThoseOfTheOpenApiDocument) {
  const std::string fields = "components.schemas.NewPayment.properties.";
  EXPECT_EQ(OpenApiValue(fields + "amount.minimum"), std::to_string(kMinAmountMinor));
  EXPECT_EQ(OpenApiValue(fields + "amount.maximum"), std::to_string(kMaxAmountMinor));
  EXPECT_EQ(OpenApiValue(fields + "paymentMethodToken.minLength"),
            std::to_string(kMinPaymentMethodTokenCharacters));
  EXPECT_EQ(OpenApiValue(fields + "paymentMethodToken.maxLength"),
            std::to_string(kMaxPaymentMethodTokenCharacters));
}

TEST(PaymentLimits, AreThoseOfTheProtosComments) {
  EXPECT_EQ(kMinAmountMinor, 1);
  EXPECT_THAT(ProtoComment(kPaymentProto, "CreatePaymentRequest.amount"),
              HasSubstr("More than zero"));
  EXPECT_THAT(ProtoComment(kPaymentProto, "CreatePaymentRequest.payment_method_token"),
              HasSubstr(std::to_string(kMinPaymentMethodTokenCharacters) + " to " +
                        std::to_string(kMaxPaymentMethodTokenCharacters) + " characters"));
}

TEST(PaymentLimits, AreThoseOfTheLimitsPage) {
  EXPECT_THAT(DocumentedLimit("amount of a payment"),
              StartsWith(std::to_string(kMinAmountMinor) + " to " +
                         std::to_string(kMaxAmountMinor) + " in the minor unit"));
  EXPECT_THAT(DocumentedLimit("payment method token"),
              StartsWith(std::to_string(kMinPaymentMethodTokenCharacters) + " to " +
                         std::to_string(kMaxPaymentMethodTokenCharacters) + " characters"));
}

TEST(PaymentLimits, AreThoseOfTheDatabase) {
  EXPECT_THAT(Migrations("payment"),
              HasSubstr("amount_minor BETWEEN " + std::to_string(kMinAmountMinor) + " AND " +
                        std::to_string(kMaxAmountMinor)));
}

}  // namespace
}  // namespace scaleout::payment::v1
