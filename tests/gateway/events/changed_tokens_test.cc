#include "gateway/events/changed_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

events::v1::Event EventOf(const std::string& type, const std::string& payload) {
  events::v1::Event event;
  event.type = type;
  event.aggregate_id = 42;
  event.payload = payload;
  return event;
}

TEST(ChangedTokens, AreThoseOfTheThingAndOfTheListsThatShowIt) {
  EXPECT_THAT(TokensChangedBy(EventOf("user.changed", "{}")).value(), ElementsAre("user:42"));
  EXPECT_THAT(TokensChangedBy(EventOf("product.changed", "{}")).value(),
              ElementsAre("product:42", "product-lists"));
  EXPECT_THAT(TokensChangedBy(EventOf("order.changed", R"({"orderId":"42","userId":"7"})")).value(),
              ElementsAre("order:42", "orders-of:7"));
  EXPECT_THAT(
      TokensChangedBy(EventOf("payment.changed", R"({"paymentId":"42","userId":"7"})")).value(),
      ElementsAre("payment:42", "payments-of:7"));
}

TEST(ChangedTokens, AreNoneForEventsOfOtherTypes) {
  for (const char* type : {"payment.captured", "payment.failed", "order.changed2",
                           "category.changed", "user.deleted", "x.y"}) {
    EXPECT_THAT(TokensChangedBy(EventOf(type, "no json")).value(), IsEmpty()) << type;
  }
}

TEST(ChangedTokens, PassOverMembersOfNewerPublishers) {
  EXPECT_THAT(
      TokensChangedBy(EventOf("order.changed", R"({"userId":"7","region":{"a":[1]}})")).value(),
      ElementsAre("order:42", "orders-of:7"));
}

TEST(ChangedTokens, RefusePayloadWithoutTheUserOfAList) {
  for (const char* type : {"order.changed", "payment.changed"}) {
    for (const char* payload : {"", "{}", "no json", "[]", R"({"userId":"0"})",
                                R"({"userId":"-1"})", R"({"userId":"x"})", R"({"userId":{}})"}) {
      EXPECT_TRUE(absl::IsInvalidArgument(TokensChangedBy(EventOf(type, payload)).status()))
          << type << " " << payload;
    }
  }
}

}  // namespace
}  // namespace scaleout::gateway
