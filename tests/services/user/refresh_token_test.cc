#include "services/user/refresh_token.h"

#include <gtest/gtest.h>

#include <string>

#include "proto/scaleout/user/v1/auth_limits.h"

namespace scaleout::user {
namespace {

TEST(RefreshToken, IsReadBackWithItsSessionAndItsHash) {
  const SessionId session = SessionId::Random();
  const RefreshToken made = RefreshToken::Random(session);
  EXPECT_EQ(made.text.size(), v1::kRefreshTokenCharacters);
  EXPECT_EQ(made.hash.size(), 64u);
  const auto read = RefreshToken::Parse(made.text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->session, session);
  EXPECT_TRUE(AreEqual(read->hash, made.hash));
  EXPECT_TRUE(AreEqual(read->family, made.family));
}

TEST(RefreshToken, NextOneIsOfTheSameFamilyAndNotPredictable) {
  const RefreshToken first = RefreshToken::Random(SessionId::Random());
  const RefreshToken next = first.Next();
  EXPECT_EQ(next.session, first.session);
  EXPECT_EQ(next.text.size(), v1::kRefreshTokenCharacters);
  EXPECT_EQ(next.family, first.family);
  EXPECT_NE(next.hash, first.hash);
  EXPECT_NE(next.hash, first.Next().hash);
  EXPECT_NE(next.family, next.hash);
  ASSERT_TRUE(RefreshToken::Parse(next.text));
  EXPECT_EQ(RefreshToken::Parse(next.text)->family, first.family);
}

TEST(RefreshToken, TokensOfOneSessionDiffer) {
  const SessionId session = SessionId::Random();
  const RefreshToken one = RefreshToken::Random(session);
  const RefreshToken other = RefreshToken::Random(session);
  EXPECT_NE(one.text, other.text);
  EXPECT_FALSE(AreEqual(one.hash, other.hash));
  EXPECT_FALSE(AreEqual(one.family, other.family));
  EXPECT_FALSE(AreEqual(one.hash, ""));
}

TEST(RefreshToken, RefusesWhatHasAnotherForm) {
  const std::string good = RefreshToken::Random(SessionId::Random()).text;
  std::string other_dot = good;
  other_dot[32] = '-';
  std::string upper = good;
  upper[0] = 'A';
  for (const std::string& bad : {std::string(), good + "A", good.substr(0, 75), other_dot, upper,
                                 good.substr(0, 75) + "=", good.substr(0, 75) + " "}) {
    EXPECT_FALSE(RefreshToken::Parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace scaleout::user
