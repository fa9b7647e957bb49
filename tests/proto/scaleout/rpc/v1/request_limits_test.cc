#include "proto/scaleout/rpc/v1/request_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/proto/contract_documents.h"

namespace scaleout::rpc::v1 {
namespace {

using scaleout::testing::DocumentedLimit;
using scaleout::testing::OpenApiValue;
using scaleout::testing::ProtoComment;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::StartsWith;

TEST(RequestLimits, AcceptIdsFromOneToTheGreatestThatJsonCarries) {
  EXPECT_EQ(FindIdViolation(1), std::nullopt);
  EXPECT_EQ(FindIdViolation(9007199254740991), std::nullopt);
  for (const std::int64_t bad :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{9007199254740992},
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_THAT(FindIdViolation(bad), Optional(HasSubstr("from 1 to 9007199254740991"))) << bad;
    EXPECT_FALSE(IsValidId(bad)) << bad;
  }
  EXPECT_THAT(FindIdViolation(std::nullopt), Optional(HasSubstr("from 1 to 9007199254740991")));
}

TEST(RequestLimits, AcceptIntegersFromTheLeastToTheGreatest) {
  for (const std::int64_t value : {-5, 0, 5}) {
    EXPECT_EQ(FindIntegerViolation(value, -5, 5), std::nullopt);
  }
  for (const std::int64_t value : {-6, 6}) {
    EXPECT_THAT(FindIntegerViolation(value, -5, 5), Optional(HasSubstr("from -5 to 5")));
  }
  EXPECT_THAT(FindIntegerViolation(std::nullopt, -5, 5), Optional(HasSubstr("from -5 to 5")));
}

TEST(RequestLimits, CountTextInCharactersAndNotBytes) {
  EXPECT_EQ(FindTextViolation("añ€😀", 4, 4), std::nullopt);
  EXPECT_EQ(FindTextViolation("", 0, 4), std::nullopt);
  EXPECT_THAT(FindTextViolation("", 1, 4), Optional(HasSubstr("1 to 4 characters")));
  EXPECT_THAT(FindTextViolation("abcde", 1, 4), Optional(HasSubstr("1 to 4 characters")));
  EXPECT_THAT(FindTextViolation("añ€😀x", 1, 4), Optional(HasSubstr("1 to 4 characters")));
}

TEST(RequestLimits, RefuseControlCharactersInText) {
  for (const std::string& bad : {std::string("a\tb"), std::string("a\0b", 3), std::string("\n"),
                                 std::string("\x1f"), std::string("a\x7f")}) {
    EXPECT_THAT(FindTextViolation(bad, 1, 4), Optional(HasSubstr("control"))) << bad;
  }
  EXPECT_EQ(FindTextViolation(" ~", 1, 4), std::nullopt);
}

TEST(RequestLimits, AcceptIdempotencyKeysOfPrintableAscii) {
  EXPECT_EQ(FindIdempotencyKeyViolation("k"), std::nullopt);
  EXPECT_EQ(FindIdempotencyKeyViolation("order 7/\"~\""), std::nullopt);
  EXPECT_EQ(FindIdempotencyKeyViolation(std::string(200, 'k')), std::nullopt);
  for (const std::string& bad : {std::string(), std::string(201, 'k'), std::string("a\tb"),
                                 std::string("café"), std::string("\x7f")}) {
    EXPECT_THAT(FindIdempotencyKeyViolation(bad), Optional(HasSubstr("1 to 200 printable"))) << bad;
  }
}

TEST(RequestLimits, BoundPageSizesAndRefuseNegativeOnes) {
  EXPECT_EQ(EffectivePageSize(0), 20);
  EXPECT_EQ(EffectivePageSize(1), 1);
  EXPECT_EQ(EffectivePageSize(100), 100);
  EXPECT_EQ(EffectivePageSize(101), 100);
  EXPECT_EQ(EffectivePageSize(std::numeric_limits<std::int64_t>::max()), 100);
  EXPECT_EQ(FindPageSizeViolation(0), std::nullopt);
  EXPECT_EQ(FindPageSizeViolation(std::numeric_limits<std::int64_t>::max()), std::nullopt);
  EXPECT_THAT(FindPageSizeViolation(-1), Optional(HasSubstr("not negative")));
  EXPECT_THAT(FindPageSizeViolation(std::nullopt), Optional(HasSubstr("not negative")));
}

TEST(RequestLimits, RefuseWhatCannotBeAPageToken) {
  EXPECT_EQ(FindPageTokenViolation(""), std::nullopt);
  EXPECT_EQ(FindPageTokenViolation(std::string(512, 'A')), std::nullopt);
  for (const std::string& bad :
       {std::string(513, 'A'), std::string("a b"), std::string("a\n"), std::string("ö")}) {
    EXPECT_THAT(FindPageTokenViolation(bad), Optional(std::string(kForeignPageToken))) << bad;
  }
}

TEST(NamedIds, RefuseAValidIdThatIsNamedTwice) {
  NamedIds ids;
  EXPECT_EQ(ids.FindViolation(7), std::nullopt);
  EXPECT_EQ(ids.FindViolation(8), std::nullopt);
  EXPECT_THAT(ids.FindViolation(7), Optional(HasSubstr("twice")));
  EXPECT_THAT(ids.FindViolation(7), Optional(HasSubstr("twice")));
}

TEST(NamedIds, LeaveInvalidIdsToTheRuleOfIds) {
  NamedIds ids;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ids.FindViolation(0), std::nullopt);
    EXPECT_EQ(ids.FindViolation(kMaxId + 1), std::nullopt);
  }
}

TEST(RequestLimits, AreThoseOfTheOpenApiDocument) {
  const std::string parameters = "components.parameters.";
  const std::string schemas = "components.schemas.";
  EXPECT_EQ(OpenApiValue(schemas + "Id.minimum"), "1");
  EXPECT_EQ(OpenApiValue(schemas + "Id.maximum"), std::to_string(kMaxId));
  EXPECT_EQ(OpenApiValue(schemas + "IdempotencyKey.minLength"), "1");
  EXPECT_EQ(OpenApiValue(schemas + "IdempotencyKey.maxLength"),
            std::to_string(kMaxIdempotencyKeyCharacters));
  EXPECT_EQ(OpenApiValue(schemas + "IdempotencyKey.pattern"), "'^[ -~]+$'");
  EXPECT_EQ(OpenApiValue(schemas + "NextPageToken.maxLength"), std::to_string(kMaxPageTokenBytes));
  EXPECT_EQ(OpenApiValue(parameters + "PageToken.schema.maxLength"),
            std::to_string(kMaxPageTokenBytes));
  EXPECT_EQ(OpenApiValue(parameters + "PageSize.schema.minimum"), "0");
  EXPECT_EQ(OpenApiValue(parameters + "PageSize.schema.default"), std::to_string(kDefaultPageSize));
  EXPECT_THAT(OpenApiValue(parameters + "PageSize.description"),
              HasSubstr("more than " + std::to_string(kMaxPageSize) + " means " +
                        std::to_string(kMaxPageSize)));
  for (const char* page : {"UserProfilePage", "ProductPage", "OrderPage", "PaymentPage"}) {
    EXPECT_EQ(OpenApiValue(schemas + page + ".properties.items.maxItems"),
              std::to_string(kMaxPageSize))
        << page;
  }
}

TEST(RequestLimits, AreThoseOfTheLimitsPage) {
  EXPECT_THAT(DocumentedLimit("id"), StartsWith("1 to " + std::to_string(kMaxId) + " "));
  EXPECT_THAT(DocumentedLimit("`page_size`"),
              StartsWith(std::to_string(kDefaultPageSize) + " if it is 0 or absent; more than " +
                         std::to_string(kMaxPageSize) + " means " + std::to_string(kMaxPageSize)));
  EXPECT_THAT(DocumentedLimit("`page_token`"),
              StartsWith(std::to_string(kMaxPageTokenBytes) + " bytes"));
  EXPECT_THAT(
      DocumentedLimit("`Idempotency-Key`"),
      StartsWith("1 to " + std::to_string(kMaxIdempotencyKeyCharacters) + " printable ASCII"));
  EXPECT_THAT(DocumentedLimit("keys of a batch read (gRPC)"),
              StartsWith("1 to " + std::to_string(kMaxBatchKeys) + ";"));
  EXPECT_EQ(kMaxBatchAnswerBytes % (1 << 20), 0u);
  EXPECT_THAT(DocumentedLimit("answer of a batch read (gRPC)"),
              StartsWith(std::to_string(kMaxBatchAnswerBytes >> 20) + " MiB"));
}

TEST(RequestLimits, AreThoseOfTheProtosComments) {
  const std::string size = std::to_string(kDefaultPageSize) + "; more than " +
                           std::to_string(kMaxPageSize) + " means " + std::to_string(kMaxPageSize);
  const std::string token = "At most " + std::to_string(kMaxPageTokenBytes) + " bytes";
  const std::string keys = "1 to " + std::to_string(kMaxBatchKeys) + ".";
  const std::string key = std::to_string(kMaxIdempotencyKeyCharacters) + " printable ASCII";
  const std::string user = "scaleout/user/v1/user.proto";
  const std::string order = "scaleout/order/v1/order.proto";
  const std::string product = "scaleout/order/v1/product.proto";
  const std::string payment = "scaleout/payment/v1/payment.proto";
  const std::pair<std::string, const char*> lists[] = {{user, "ListUsersRequest"},
                                                       {order, "ListOrdersRequest"},
                                                       {product, "ListProductsRequest"},
                                                       {payment, "ListPaymentsRequest"}};
  for (const auto& [proto, message] : lists) {
    EXPECT_THAT(ProtoComment(proto, std::string(message) + ".page_size"), HasSubstr(size));
    EXPECT_THAT(ProtoComment(proto, std::string(message) + ".page_token"), HasSubstr(token));
  }
  const std::pair<std::string, const char*> batches[] = {
      {user, "BatchGetUsersRequest"},       {order, "BatchGetOrdersRequest"},
      {order, "BatchListOrdersRequest"},    {product, "BatchGetProductsRequest"},
      {payment, "BatchGetPaymentsRequest"}, {payment, "BatchListPaymentsRequest"}};
  for (const auto& [proto, message] : batches) {
    EXPECT_THAT(ProtoComment(proto, std::string(message) + ".keys"), HasSubstr(keys));
  }
  EXPECT_THAT(ProtoComment(user, "CreateUserRequest.idempotency_key"), HasSubstr(key));
  EXPECT_THAT(ProtoComment(order, "CreateOrderRequest.idempotency_key"), HasSubstr(key));
  EXPECT_THAT(ProtoComment(order, "ReservePaymentRequest.idempotency_key"), HasSubstr(key));
}

}  // namespace
}  // namespace scaleout::rpc::v1
