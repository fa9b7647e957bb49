#include "gateway/auth/login_rate_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "tests/integration/private_redis.h"
#include "tests/integration/redis_state_loops.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RedisStateLoops;

constexpr std::size_t kLoops = 2;

RedisLinkConfig Patient() {
  RedisLinkConfig config;
  config.command_timeout = config.max_silence = 10s;
  return config;
}

// A gateway's login, without the gateway: what is allowed reaches the verb.
class Door {
 public:
  Door(const testing::PrivateRedis& redis, const LoginRates& rates)
      : loops_(redis.server(), kLoops, Patient()),
        limiter_(MakeRateLimiter(
            &loops_.redis(), [] { return 2; }, *metrics_, 10s)),
        limit_(MakeLoginRateLimit(rates, *limiter_, *metrics_)) {
    EXPECT_TRUE(loops_.WaitUntilUp());
  }

  absl::Status LogIn(const std::string& email, const std::string& password,
                     std::string_view address, std::size_t loop = 0) {
    return loops_.Ask<absl::Status>(
        [&](RequestContext& context) { return Serve(context, email, password, address); }, loop,
        60s);
  }
  int asked() const { return asked_; }

 private:
  Task<absl::Status> Serve(RequestContext& context, std::string email, std::string password,
                           std::string_view address) {
    context.client = *IpAddress::Parse(address);
    Task<absl::Status> charging = limit_->ChargeLogin(context, std::move(email));
    const absl::Status charged = co_await charging;
    if (!charged.ok()) co_return charged;
    ++asked_;
    co_return password == "right" ? absl::OkStatus() : absl::UnauthenticatedError("");
  }

  std::atomic<int> asked_{0};
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  RedisStateLoops loops_;
  const std::unique_ptr<RateLimiter> limiter_;
  const std::unique_ptr<LoginRateLimit> limit_;
};

// By the hour, so that no machine is slow enough for a bucket to leak.
constexpr LoginRates kRates{
    .per_account_and_address = {5, 3600s}, .per_address = {20, 3600s}, .per_account = {100, 3600s}};

TEST(LoginRateLimit, LetsAFewOfTenThousandGuessesThroughAndTheOwnerIn) {
  testing::PrivateRedis redis;
  Door one(redis, kRates);
  Door other(redis, kRates);
  std::vector<std::future<void>> guessing;
  for (std::size_t k = 0; k < 4; ++k) {
    guessing.push_back(std::async(std::launch::async, [&, k] {
      for (int i = 0; i < 2'500; ++i) {
        // One address, two gateways, and the account in many spellings.
        Door& door = k % 2 == 0 ? one : other;
        const char* const email = i % 3 == 0 ? "Ada@Example.com" : "ada@example.COM";
        EXPECT_FALSE(door.LogIn(email, StrCat("guess ", i), "203.0.113.7", k / 2).ok());
      }
    }));
  }
  for (std::future<void>& each : guessing) each.get();
  EXPECT_EQ(one.asked() + other.asked(), 5);
  EXPECT_TRUE(one.LogIn("ada@example.com", "right", "198.51.100.4").ok());
  EXPECT_TRUE(other.LogIn("ada@example.com", "right", "2001:db8::4").ok());
  EXPECT_FALSE(other.LogIn("ada@example.com", "right", "203.0.113.7").ok());
}

TEST(LoginRateLimit, LimitsGuessesFromManyAddresses) {
  testing::PrivateRedis redis;
  Door door(redis, kRates);
  for (int i = 0; i < 1'000; ++i) {
    const std::string address = StrCat("198.51.", i / 250, ".", i % 250);
    EXPECT_FALSE(door.LogIn("ada@example.com", "wrong", address).ok());
  }
  EXPECT_EQ(door.asked(), 100);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(door.LogIn(StrCat(i, "@example.com"), "wrong", "203.0.113.7").ok());
  }
  EXPECT_EQ(door.asked(), 120);
}

TEST(LoginRateLimit, KeepsNoAddressOnRedis) {
  testing::PrivateRedis redis;
  Door door(redis, kRates);
  EXPECT_TRUE(door.LogIn("ada@example.com", "right", "203.0.113.7").ok());
  const RedisReply keys = redis.Ask({"KEYS", "*"});
  ASSERT_EQ(keys.size(), 3U);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string key(keys.at(i).text());
    EXPECT_THAT(key, HasSubstr("rate:login-a"));
    EXPECT_THAT(key, Not(HasSubstr("ada")));
    EXPECT_THAT(key, Not(HasSubstr("203.0")));
  }
}

}  // namespace
}  // namespace scaleout::gateway
