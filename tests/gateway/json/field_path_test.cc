#include "gateway/json/field_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <random>
#include <string>

#include "common/status.h"
#include "gateway/http/problem.h"

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;

TEST(ToJsonPointer, WritesNamesInCamelCaseAndIndexesAsSegments) {
  EXPECT_EQ(ToJsonPointer("email"), "/email");
  EXPECT_EQ(ToJsonPointer("payment_method_token"), "/paymentMethodToken");
  EXPECT_EQ(ToJsonPointer("items[0].quantity"), "/items/0/quantity");
  EXPECT_EQ(ToJsonPointer("items[12].product_id"), "/items/12/productId");
  EXPECT_EQ(ToJsonPointer("keys[3].user_id"), "/keys/3/userId");
  EXPECT_EQ(ToJsonPointer("matrix[1][20].unit_price.amount_minor"),
            "/matrix/1/20/unitPrice/amountMinor");
}

TEST(ToJsonPointer, WritesNamesAsProtobufsJsonMappingDoes) {
  EXPECT_EQ(ToJsonPointer("line_2"), "/line2");
  EXPECT_EQ(ToJsonPointer("a__b_"), "/aB");
  EXPECT_EQ(ToJsonPointer("_private"), "/Private");
  EXPECT_EQ(ToJsonPointer("alreadyCamel"), "/alreadyCamel");
}

TEST(ToJsonPointer, KnowsWhatIsNoPartOfTheBodyOnAnyRoute) {
  EXPECT_EQ(ToJsonPointer("page_size"), "/page_size");
  EXPECT_EQ(ToJsonPointer("page_token"), "/page_token");
  EXPECT_EQ(ToJsonPointer("idempotency_key"), "/headers/Idempotency-Key");
}

TEST(ToJsonPointer, PrefersTheNamesOfTheRoute) {
  constexpr ClientName kNames[] = {
      {"user_id", "/id"}, {"amount.amount_minor", "/amount"}, {"page_size", "/limit"}};
  EXPECT_EQ(ToJsonPointer("user_id", kNames), "/id");
  EXPECT_EQ(ToJsonPointer("amount.amount_minor", kNames), "/amount");
  EXPECT_EQ(ToJsonPointer("page_size", kNames), "/limit");
  EXPECT_EQ(ToJsonPointer("keys[3].user_id", kNames), "/keys/3/userId");
  EXPECT_EQ(ToJsonPointer("amount", kNames), "/amount");
  EXPECT_EQ(ToJsonPointer("amount.currency_code", kNames), "/amount/currencyCode");
}

TEST(ToJsonPointer, PointsToTheRequestForWhatIsNoPath) {
  for (const std::string& bad : {std::string(),
                                 std::string("/items/0/quantity"),
                                 std::string("items["),
                                 std::string("items]"),
                                 std::string("items[]"),
                                 std::string("items[0"),
                                 std::string("items[0]]"),
                                 std::string("items[[0]]"),
                                 std::string("items[-1]"),
                                 std::string("items[ 1]"),
                                 std::string("items[01]"),
                                 std::string("items[0x1]"),
                                 std::string("items[0]quantity"),
                                 std::string("items[\"a\"]"),
                                 std::string("[0]"),
                                 std::string("."),
                                 std::string(".email"),
                                 std::string("email."),
                                 std::string("a..b"),
                                 std::string("0email"),
                                 std::string("e-mail"),
                                 std::string("e mail"),
                                 std::string("email\n"),
                                 std::string("email\0", 6),
                                 std::string("\0", 1),
                                 std::string("émail"),
                                 std::string("\xff\xfe"),
                                 std::string("a\xc3"),
                                 std::string("a~b"),
                                 std::string("a\"b"),
                                 std::string("a\\b")}) {
    EXPECT_EQ(ToJsonPointer(bad), "") << bad;
  }
}

TEST(ToJsonPointer, PointsToTheRequestForWhatIsTooLong) {
  EXPECT_EQ(ToJsonPointer(std::string(kMaxFieldPathBytes, 'a')),
            "/" + std::string(kMaxFieldPathBytes, 'a'));
  EXPECT_EQ(ToJsonPointer(std::string(kMaxFieldPathBytes + 1, 'a')), "");
  EXPECT_EQ(ToJsonPointer("a[" + std::string(kMaxFieldPathBytes, '1') + "]"), "");
  EXPECT_EQ(ToJsonPointer(std::string(1'000'000, '[')), "");
}

// Whatever a service sends, the problem document is JSON and its pointers are pointers.
TEST(ToJsonPointer, IsAPointerInAsciiForAnyBytes) {
  constexpr std::string_view kLikely = "ab_z09[].[].[].~/\"\\ \x7f";
  std::minstd_rand random(20261121);
  for (int round = 0; round < 5'000; ++round) {
    std::string path;
    const std::size_t size = random() % 24;
    while (path.size() < size) {
      path += random() % 8 == 0 ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
    }
    const std::string pointer = ToJsonPointer(path);
    ASSERT_TRUE(pointer.empty() || pointer.starts_with('/')) << path;
    ASSERT_TRUE(std::ranges::all_of(pointer, [](char c) {
      return c == '/' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    })) << path;
    // Other bytes do not come this far: Protobuf refuses strings that are not UTF-8.
    if (!std::ranges::all_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
      continue;
    }
    const Response response =
        RenderProblem(WithClientNames(CheckFields({{path, "is wrong"}})), "/api/orders", "r");
    rapidjson::Document document;
    document.Parse<rapidjson::kParseValidateEncodingFlag>(response.body.data(),
                                                          response.body.size());
    ASSERT_FALSE(document.HasParseError()) << path;
    ASSERT_EQ(std::string(document["errors"][0]["pointer"].GetString()), pointer);
  }
}

TEST(WithClientNames, NamesEveryRefusedFieldInListAndMessage) {
  constexpr ClientName kNames[] = {{"user_id", "/id"}};
  const absl::Status status = WithClientNames(
      CheckFields({{"user_id", "is wrong"}, {"items[1].product_id", "is unknown"}}), kNames);
  EXPECT_THAT(FieldViolationsOf(status),
              ElementsAre(FieldViolation("/id", "is wrong"),
                          FieldViolation("/items/1/productId", "is unknown")));
  EXPECT_EQ(std::string(status.message()), "invalid fields: /id, /items/1/productId");
}

TEST(WithClientNames, LeavesAStatusWithoutFieldsAlone) {
  for (const absl::Status& status :
       {absl::OkStatus(), absl::NotFoundError("There is no user 7."),
        WithReason(absl::UnavailableError("open"), "CIRCUIT_OPEN", {{"backend", "user"}})}) {
    EXPECT_EQ(WithClientNames(status), status);
  }
}

}  // namespace
}  // namespace scaleout::gateway
