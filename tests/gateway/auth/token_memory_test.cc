#include "gateway/auth/token_memory.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

class TokenMemoryTest : public ::testing::Test {
 protected:
  VerifiedToken TokenOf(std::int64_t user) const {
    VerifiedToken token;
    token.principal = {user, Role::kCustomer, false};
    token.expires = clock.WallNow() + std::chrono::minutes(15);
    return token;
  }
  // A hash of the first set; the others differ in nothing that chooses it.
  static TokenMemory::Hash HashInOneSet(unsigned char number) {
    TokenMemory::Hash hash{};
    hash.back() = number;
    return hash;
  }
  // 0 if it is not remembered.
  std::int64_t UserOf(const TokenMemory::Hash& hash) {
    const VerifiedToken* const found = memory.Find(hash, clock.WallNow());
    return found == nullptr ? 0 : found->principal.user_id;
  }

  testing::FakeClock clock;
  TokenMemory memory;
};

TEST_F(TokenMemoryTest, HashesTheWholeTokenWithSha256) {
  const TokenMemory::Hash hash = memory.HashOf("abc");
  EXPECT_EQ(hash[0], 0xba);
  EXPECT_EQ(hash[1], 0x78);
  EXPECT_EQ(hash[31], 0xad);
  EXPECT_NE(memory.HashOf("abcd"), hash);
  EXPECT_EQ(memory.HashOf("abc"), hash);
}

TEST_F(TokenMemoryTest, RemembersATokenUntilItExpires) {
  const TokenMemory::Hash hash = memory.HashOf("a");
  EXPECT_EQ(UserOf(hash), 0);
  memory.Remember(hash, TokenOf(7));
  EXPECT_EQ(UserOf(hash), 7);
  EXPECT_EQ(UserOf(memory.HashOf("b")), 0);
  clock.Advance(std::chrono::minutes(15) - std::chrono::microseconds(1));
  EXPECT_EQ(UserOf(hash), 7);
  clock.Advance(std::chrono::microseconds(1));
  EXPECT_EQ(UserOf(hash), 0);
}

TEST_F(TokenMemoryTest, RemembersNothingBeforeTheFirst) {
  EXPECT_EQ(UserOf(TokenMemory::Hash{}), 0);
  memory.Remember(memory.HashOf("a"), TokenOf(7));
  EXPECT_EQ(UserOf(TokenMemory::Hash{}), 0);
}

TEST_F(TokenMemoryTest, RemembersATokenOnce) {
  memory.Remember(HashInOneSet(1), TokenOf(1));
  for (int i = 0; i < 100; ++i) memory.Remember(HashInOneSet(2), TokenOf(2));
  EXPECT_EQ(UserOf(HashInOneSet(1)), 1);
}

TEST_F(TokenMemoryTest, ForgetsWhatWasUsedLongestAgoInAFullSet) {
  for (unsigned char i = 1; i <= kTokenMemoryWays; ++i) {
    memory.Remember(HashInOneSet(i), TokenOf(i));
  }
  EXPECT_EQ(UserOf(HashInOneSet(1)), 1);
  memory.Remember(HashInOneSet(100), TokenOf(100));
  EXPECT_EQ(UserOf(HashInOneSet(2)), 0);
  EXPECT_EQ(UserOf(HashInOneSet(1)), 1);
  EXPECT_EQ(UserOf(HashInOneSet(100)), 100);
  for (unsigned char i = 3; i <= kTokenMemoryWays; ++i) EXPECT_EQ(UserOf(HashInOneSet(i)), i);
}

TEST_F(TokenMemoryTest, HoldsMostOfWhatItHasRoomFor) {
  const auto name = [](std::size_t i) { return "token " + std::to_string(i); };
  for (std::size_t i = 0; i < kMaxRememberedTokens; ++i) {
    memory.Remember(memory.HashOf(name(i)), TokenOf(static_cast<std::int64_t>(i + 1)));
  }
  std::size_t held = 0;
  for (std::size_t i = 0; i < kMaxRememberedTokens; ++i) {
    const std::int64_t user = UserOf(memory.HashOf(name(i)));
    if (user == 0) continue;
    EXPECT_EQ(user, static_cast<std::int64_t>(i + 1));
    ++held;
  }
  EXPECT_GT(held, kMaxRememberedTokens * 3 / 4);
}

}  // namespace
}  // namespace scaleout::gateway
