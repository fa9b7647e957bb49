#include "redis/redis_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace scaleout {
namespace {

using ::testing::HasSubstr;

RedisAddress Parsed(std::string_view text) {
  const auto address = ParseRedisAddress(text);
  EXPECT_TRUE(address.ok()) << address.status();
  return address.ok() ? *address : RedisAddress{};
}

TEST(ParseRedisAddress, ReadsPathOfUnixSocket) {
  EXPECT_EQ(Parsed("unix:/run/redis.sock"),
            (RedisAddress{.unix_path = "/run/redis.sock", .host = "", .port = 0}));
  EXPECT_EQ(Parsed("unix:/a:6379").unix_path, "/a:6379");
}

TEST(ParseRedisAddress, ReadsHostAndPort) {
  EXPECT_EQ(Parsed("redis-cache:6379"),
            (RedisAddress{.unix_path = "", .host = "redis-cache", .port = 6379}));
  EXPECT_EQ(Parsed("127.0.0.1:1"), (RedisAddress{.unix_path = "", .host = "127.0.0.1", .port = 1}));
  EXPECT_EQ(Parsed("tasks.redis_cache.:65535"),
            (RedisAddress{.unix_path = "", .host = "tasks.redis_cache.", .port = 65535}));
}

TEST(ParseRedisAddress, ReadsIpv6AddressInBrackets) {
  EXPECT_EQ(Parsed("[::1]:6379"), (RedisAddress{.unix_path = "", .host = "::1", .port = 6379}));
}

TEST(ParseRedisAddress, RefusesWhatIsNoAddress) {
  for (const std::string_view text : {"",
                                      ":",
                                      "redis",
                                      "redis:",
                                      ":6379",
                                      "redis:0",
                                      "redis:65536",
                                      "redis:-1",
                                      "redis:+1",
                                      "redis: 1",
                                      "redis:1 ",
                                      "redis:0x10",
                                      "redis:99999999999",
                                      "re dis:1",
                                      "re/dis:1",
                                      "tcp://redis:1",
                                      "redis:1:2",
                                      "::1:6379",
                                      "[::1]",
                                      "[::1]:",
                                      "[]:1",
                                      "[::1:1",
                                      "::1]:1",
                                      "[redis]:1",
                                      "[127.0.0.1]:1",
                                      "unix:",
                                      "unix:redis.sock",
                                      "unix:6379"}) {
    const absl::Status refused = ParseRedisAddress(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << text;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("host:port")) << text;
  }
  using namespace std::string_view_literals;
  EXPECT_FALSE(ParseRedisAddress("unix:/a\0b"sv).ok());
  EXPECT_FALSE(ParseRedisAddress("red\0is:1"sv).ok());
}

TEST(ParseRedisAddress, BoundsLengths) {
  const auto path_of = [](std::size_t size) { return "unix:/" + std::string(size - 1, 'p'); };
  EXPECT_TRUE(ParseRedisAddress(path_of(107)).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(ParseRedisAddress(path_of(108)).status()));
  EXPECT_TRUE(ParseRedisAddress(std::string(253, 'h') + ":1").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(ParseRedisAddress(std::string(254, 'h') + ":1").status()));
}

}  // namespace
}  // namespace scaleout
