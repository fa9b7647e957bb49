#include "service/page_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "service/typed_id.h"

namespace scaleout {
namespace {

using ::testing::ElementsAre;

TEST(PageToken, ComesBackInItsOwnScope) {
  for (const std::int64_t id : {std::int64_t{1}, std::int64_t{4711}, kMaxId}) {
    const std::string token = MakePageToken("orders?user_id=7", id);
    const auto parsed = ParsePageToken("orders?user_id=7", token);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, id);
    EXPECT_EQ(
        token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        std::string::npos)
        << "not fit for a URL: " << token;
  }
}

TEST(PageToken, IsRefusedInAnotherScope) {
  const std::string token = MakePageToken("orders?user_id=7", 5);
  for (const char* scope : {"orders?user_id=8", "orders?user_id=0", "payments?user_id=7", ""}) {
    const auto parsed = ParsePageToken(scope, token);
    EXPECT_TRUE(absl::IsInvalidArgument(parsed.status())) << scope;
    ASSERT_EQ(FieldViolationsOf(parsed.status()).size(), 1u);
    EXPECT_EQ(FieldViolationsOf(parsed.status())[0].field, "page_token");
  }
}

TEST(PageToken, IsRefusedWhenItIsMangled) {
  const std::string token = MakePageToken("users", 5);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string mangled = token;
    mangled[i] = mangled[i] == 'A' ? 'B' : 'A';
    const auto parsed = ParsePageToken("users", mangled);
    // The last character holds spare bits; whatever decodes to the same bytes is the same token.
    if (parsed.ok()) {
      EXPECT_EQ(*parsed, 5);
      EXPECT_EQ(i + 1, token.size());
    }
  }
  for (const std::string& other :
       {std::string("x"), std::string("!!!"), token + token, std::string(10'000, 'A'),
        std::string("5"), " " + token, token + "\n"}) {
    EXPECT_FALSE(ParsePageToken("users", other).ok()) << other;
  }
}

TEST(PageToken, ReadsBothQueryParametersOfAList) {
  FieldChecks checks;
  EXPECT_EQ(ParsePage("users", 0, "", checks).size, rpc::v1::kDefaultPageSize);
  EXPECT_EQ(ParsePage("users", 7, "", checks).size, 7);
  EXPECT_EQ(ParsePage("users", 100'000, "", checks).size, rpc::v1::kMaxPageSize);
  EXPECT_EQ(ParsePage("users", 0, "", checks).after_id, 0);
  EXPECT_EQ(ParsePage("users", 0, MakePageToken("users", 9), checks).after_id, 9);
  EXPECT_TRUE(checks.ok());

  FieldChecks bad;
  ParsePage("users", -1, "nonsense", bad);
  const auto violations = FieldViolationsOf(bad.Check());
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].field, "page_size");
  EXPECT_EQ(violations[1].field, "page_token");
}

}  // namespace
}  // namespace scaleout
