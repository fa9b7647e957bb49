#include "proto/scaleout/order/v1/order_limits.h"

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

constexpr char kOrderProto[] = "scaleout/order/v1/order.proto";

std::string FromTo(int min, int max, const char* to) {
  return std::to_string(min) + to + std::to_string(max);
}

TEST(OrderLimits, AreThoseOfTheOpenApiDocument) {
  const std::string schemas = "components.schemas.";
  EXPECT_EQ(OpenApiValue(schemas + "Quantity.minimum"), std::to_string(kMinQuantity));
  EXPECT_EQ(OpenApiValue(schemas + "Quantity.maximum"), std::to_string(kMaxQuantity));
  for (const char* order : {"Order", "NewOrder"}) {
    const std::string items = schemas + order + ".properties.items.";
    EXPECT_EQ(OpenApiValue(items + "minItems"), std::to_string(kMinItems)) << order;
    EXPECT_EQ(OpenApiValue(items + "maxItems"), std::to_string(kMaxItems)) << order;
  }
}

TEST(OrderLimits, AreThoseOfTheProtosComments) {
  EXPECT_THAT(ProtoComment(kOrderProto, "CreateOrderRequest.items"),
              HasSubstr(FromTo(kMinItems, kMaxItems, " to ")));
  for (const char* quantity : {"OrderItem.quantity", "CreateOrderRequest.Item.quantity"}) {
    EXPECT_THAT(ProtoComment(kOrderProto, quantity),
                HasSubstr(FromTo(kMinQuantity, kMaxQuantity, " to ")));
  }
}

TEST(OrderLimits, AreThoseOfTheLimitsPage) {
  EXPECT_THAT(DocumentedLimit("items of an order"),
              StartsWith(FromTo(kMinItems, kMaxItems, " to ") + ","));
  EXPECT_THAT(DocumentedLimit("answer of a batch read (gRPC)"),
              HasSubstr(" of orders " + std::to_string(kMaxBatchLines) + " lines;"));
  EXPECT_THAT(DocumentedLimit("quantity of an item"),
              StartsWith(FromTo(kMinQuantity, kMaxQuantity, " to ") + " |"));
}

TEST(OrderLimits, AreThoseOfTheDatabase) {
  EXPECT_THAT(Migrations("order"),
              HasSubstr("line BETWEEN " + FromTo(kMinItems, kMaxItems, " AND ")));
  EXPECT_THAT(Migrations("order"),
              HasSubstr("quantity BETWEEN " + FromTo(kMinQuantity, kMaxQuantity, " AND ")));
}

}  // namespace
}  // namespace scaleout::order::v1
