#include "tests/integration/private_redis.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

namespace scaleout::testing {
namespace {

TEST(PrivateRedis, EndsInAnyOrderAndLeavesNothing) {
  auto first = std::make_unique<PrivateRedis>();
  const std::filesystem::path directory =
      std::filesystem::path(first->server().address.unix_path).parent_path();
  PrivateRedis second;
  ASSERT_TRUE(std::filesystem::exists(directory / "redis.sock"));
  first.reset();
  EXPECT_FALSE(std::filesystem::exists(directory));
  EXPECT_EQ(second.Ask({"PING"}).text(), "PONG");
}

// Another program of the same user cannot use it by accident, nor another user at all.
TEST(PrivateRedis, HasPasswordThatOnlyItsUserReads) {
  const PrivateRedis redis;
  const std::filesystem::path configuration =
      std::filesystem::path(redis.server().address.unix_path).parent_path() / "redis.conf";
  EXPECT_EQ(std::filesystem::status(configuration).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_FALSE(redis.server().password.empty());
}

TEST(PrivateRedis, StartsWithWhatItStored) {
  PrivateRedis redis({.tcp = false, .configuration = {"appendonly yes", "appendfsync always"}});
  redis.Ask({"SET", "k", "v"});
  redis.Kill();
  redis.Start();
  EXPECT_EQ(redis.Ask({"GET", "k"}).text(), "v");
}

}  // namespace
}  // namespace scaleout::testing
