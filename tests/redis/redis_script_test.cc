#include "redis/redis_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace scaleout {
namespace {

using ::testing::ElementsAre;

constexpr std::array<std::string_view, 2> kKeys = {"k1", "k2"};
constexpr std::array<std::string_view, 1> kArguments = {"a"};

// The values of FIPS 180 and of an empty text; digits below 10 and leading zeros are among them.
TEST(RedisScript, HasSha1OfItsText) {
  EXPECT_EQ(RedisScript("abc").hash(), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(RedisScript("").hash(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(RedisScript, IsCalledByHash) {
  const RedisScript script("abc");
  EXPECT_THAT(script.Call(kKeys, kArguments),
              ElementsAre("EVALSHA", script.hash(), "2", "k1", "k2", "a"));
}

TEST(RedisScript, IsCalledByTextWhereAsked) {
  const RedisScript script("abc");
  EXPECT_THAT(script.Call(kKeys, kArguments, /*by_text=*/true),
              ElementsAre("EVAL", "abc", "2", "k1", "k2", "a"));
}

TEST(RedisScript, MayHaveNeitherKeysNorArguments) {
  const RedisScript script("abc");
  EXPECT_THAT(script.Call({}, {}), ElementsAre("EVALSHA", script.hash(), "0"));
}

TEST(RedisScript, TakesUpToItsGreatestNumberOfKeys) {
  const RedisScript script("abc");
  const std::vector<std::string_view> keys(RedisScript::kMaxKeys, "k");
  EXPECT_EQ(script.Call(keys, {})[2], "64");
}

using RedisScriptDeathTest = ::testing::Test;

TEST(RedisScriptDeathTest, EndsTheProgramBeyondItsGreatestNumberOfKeys) {
  const RedisScript script("abc");
  const std::vector<std::string_view> keys(RedisScript::kMaxKeys + 1, "k");
  EXPECT_DEATH(script.Call(keys, {}), "");
}

}  // namespace
}  // namespace scaleout
