#include "services/user/token_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"

namespace scaleout::user {
namespace {

std::string Decoded(const std::string& text) {
  std::string bytes;
  EXPECT_TRUE(absl::WebSafeBase64Unescape(text, &bytes)) << text;
  return bytes;
}

TEST(TokenSigner, TokenHasExactlyTheHeaderAndTheClaimsOfTheContract) {
  const TokenKey key = TokenKey::Random();
  const TokenSigner signer(key, "scaleout", "scaleout-api");
  const SessionId session = *SessionId::Parse("0123456789abcdef0123456789abcdef");
  const std::string token = signer.Sign({session, UserId(42), Role::kAdmin, 1'700'000'000});
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(Decoded(parts[0]), R"({"alg":"ES256","typ":"JWT","kid":")" + key.kid() + R"("})");
  EXPECT_EQ(Decoded(parts[1]), R"({"iss":"scaleout","aud":"scaleout-api","sub":"42",)"
                               R"("sid":"0123456789abcdef0123456789abcdef","role":"admin",)"
                               R"("iat":1700000000,"exp":1700000900})");
  EXPECT_EQ(Decoded(parts[2]).size(), 64u);
}

TEST(TokenSigner, TextThatJsonWouldEscapeIsNoPlainClaim) {
  EXPECT_TRUE(IsPlainClaim("https://scaleout.example/a?b=c"));
  EXPECT_TRUE(IsPlainClaim(std::string(200, 'a')));
  for (const std::string& bad : {std::string(), std::string("a\"b"), std::string("a\\b"),
                                 std::string("a b"), std::string("é"), std::string(201, 'a')}) {
    EXPECT_FALSE(IsPlainClaim(bad)) << bad;
  }
}

}  // namespace
}  // namespace scaleout::user
