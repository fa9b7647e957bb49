#include "proto/scaleout/order/v1/product_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/proto/contract_documents.h"

namespace scaleout::order::v1 {
namespace {

using scaleout::testing::DocumentedLimit;
using scaleout::testing::Migrations;
using scaleout::testing::OpenApiValue;
using scaleout::testing::ProtoComment;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string NameLength(const char* to) {
  return std::to_string(kMinProductNameCharacters) + to + std::to_string(kMaxProductNameCharacters);
}

TEST(ProductLimits, AreThoseOfTheOpenApiDocument) {
  const std::string name = "components.schemas.Product.properties.name.";
  EXPECT_EQ(OpenApiValue(name + "minLength"), std::to_string(kMinProductNameCharacters));
  EXPECT_EQ(OpenApiValue(name + "maxLength"), std::to_string(kMaxProductNameCharacters));
}

TEST(ProductLimits, AreThoseOfTheProtosComments) {
  const std::string proto = "scaleout/order/v1/product.proto";
  EXPECT_THAT(ProtoComment(proto, "Product.name"), HasSubstr(NameLength(" to ")));
  EXPECT_THAT(ProtoComment(proto, "Product.price"),
              HasSubstr("at most " + std::to_string(kMaxPriceMinor)));
}

TEST(ProductLimits, AreThoseOfTheLimitsPage) {
  EXPECT_THAT(DocumentedLimit("name of a product"), StartsWith(NameLength(" to ") + " characters"));
  EXPECT_THAT(DocumentedLimit("price of a product"),
              StartsWith("0 to " + std::to_string(kMaxPriceMinor) + " in the minor unit"));
}

TEST(ProductLimits, AreThoseOfTheDatabase) {
  EXPECT_THAT(Migrations("order"), HasSubstr("char_length(name) BETWEEN " + NameLength(" AND ")));
  EXPECT_THAT(Migrations("order"),
              HasSubstr("price_minor BETWEEN 0 AND " + std::to_string(kMaxPriceMinor)));
}

}  // namespace
}  // namespace scaleout::order::v1
