#include "gateway/auth/rate_limiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "common/str_cat.h"
#include "tests/integration/private_redis.h"
#include "tests/integration/redis_state_loops.h"
#include "tests/support/eventually.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using testing::Eventually;
using testing::RedisStateLoops;
using Decision = absl::StatusOr<RateLimitDecision>;

// A machine that is busy is not to be taken for a server that is away.
constexpr std::chrono::milliseconds kPatience = 10s;

RedisLinkConfig Patient() {
  RedisLinkConfig config;
  config.command_timeout = kPatience;
  config.max_silence = kPatience;
  return config;
}

class RateLimiterTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kLoops = 4;

  explicit RateLimiterTest(const RedisLinkConfig& config = Patient(), Duration max_wait = kPatience)
      : loops_(redis_.server(), kLoops, config), max_wait_(max_wait) {}
  void SetUp() override { ASSERT_TRUE(loops_.WaitUntilUp()); }

  Decision Try(std::vector<RateLimitCharge> charges, std::size_t loop = 0, Duration time = 60s) {
    return loops_.Ask<Decision>(
        [&](RequestContext& context) { return limiter_->Charge(context, std::move(charges)); },
        loop, time);
  }
  RateLimitDecision Charge(std::vector<RateLimitCharge> charges, std::size_t loop = 0) {
    return Try(std::move(charges), loop).value();
  }
  // How many of `tries` were allowed.
  int Allowed(int tries, const RateLimitPolicy& policy, const std::string& key) {
    int allowed = 0;
    for (int i = 0; i < tries; ++i) allowed += Charge({{&policy, key}}).allowed ? 1 : 0;
    return allowed;
  }
  microseconds Now() {
    const RedisReply time = redis_.Ask({"TIME"});
    std::int64_t seconds = 0;
    std::int64_t micros = 0;
    EXPECT_TRUE(absl::SimpleAtoi(ToAbsl(time.at(0).text()), &seconds));
    EXPECT_TRUE(absl::SimpleAtoi(ToAbsl(time.at(1).text()), &micros));
    return std::chrono::seconds(seconds) + microseconds(micros);
  }
  std::optional<microseconds> EmptyAt(const std::string& key) {
    std::int64_t micros = 0;
    if (!absl::SimpleAtoi(ToAbsl(redis_.Ask({"GET", key}).text()), &micros)) return {};
    return microseconds(micros);
  }
  double LocalDecisions() {
    return metrics_->AddCounter("gateway_rate_limit_local_total", "").value();
  }

  testing::PrivateRedis redis_;
  RedisStateLoops loops_;
  const Duration max_wait_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  const RateLimitPolicy five_{"five", RateLimit{5, 3600s}, *metrics_};
  const RateLimitPolicy two_{"two", RateLimit{2, 3600s}, *metrics_};
  const RateLimitPolicy hundred_{"hundred", RateLimit{100, 3600s}, *metrics_};
  int instances_ = 1;
  std::unique_ptr<RateLimiter> limiter_ = MakeRateLimiter(
      &loops_.redis(), [this] { return instances_; }, *metrics_, max_wait_);
};

// As a gateway has it.
class ImpatientRateLimiterTest : public RateLimiterTest {
 protected:
  ImpatientRateLimiterTest() : RateLimiterTest({}, kMaxRateLimitWait) {}
};

TEST_F(RateLimiterTest, AllowsTheLimitAndNoMore) {
  EXPECT_EQ(Allowed(50, five_, "a"), 5);
  EXPECT_EQ(Allowed(50, five_, "b"), 5);
  const RateLimitDecision refused = Charge({{&five_, "a"}});
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_GT(refused.next, 600s);
  EXPECT_LE(refused.next, 720s);
  EXPECT_EQ(LocalDecisions(), 0);
}

TEST_F(RateLimiterTest, SaysWhatIsLeft) {
  const RateLimitDecision first = Charge({{&five_, "a"}});
  EXPECT_TRUE(first.allowed);
  EXPECT_EQ(first.remaining, 4);
  EXPECT_EQ(first.next, 720s);
  const RateLimitDecision second = Charge({{&five_, "a"}});
  EXPECT_EQ(second.remaining, 3);
  EXPECT_GT(second.next, 600s);
  EXPECT_LE(second.next, 720s);
}

TEST_F(RateLimiterTest, ChargesAllOrNothing) {
  for (int i = 0; i < 2; ++i) {
    const RateLimitDecision decision = Charge({{&five_, "x"}, {&two_, "y"}});
    EXPECT_TRUE(decision.allowed);
    EXPECT_EQ(decision.which, 1U) << "it has the fewest left";
    EXPECT_EQ(decision.remaining, 1 - i);
  }
  const std::optional<microseconds> before = EmptyAt("x");
  for (int i = 0; i < 50; ++i) {
    const RateLimitDecision decision = Charge({{&five_, "x"}, {&two_, "y"}});
    EXPECT_FALSE(decision.allowed);
    EXPECT_EQ(decision.which, 1U);
  }
  EXPECT_EQ(EmptyAt("x"), before);
  EXPECT_EQ(Charge({{&five_, "x"}}).remaining, 2);
}

TEST_F(RateLimiterTest, NamesTheOneThatRefusesForLongest) {
  Allowed(2, two_, "y");
  Allowed(5, five_, "x");
  const RateLimitDecision decision = Charge({{&hundred_, "z"}, {&five_, "x"}, {&two_, "y"}});
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.which, 2U);
  EXPECT_GT(decision.next, 720s);
  EXPECT_EQ(Charge({{&two_, "y"}, {&hundred_, "z"}, {&five_, "x"}}).which, 0U);
}

TEST_F(RateLimiterTest, LetsItsKeysExpireWithTheirBuckets) {
  Charge({{&five_, "a"}});
  const std::int64_t one = redis_.Ask({"PTTL", "a"}).integer();
  EXPECT_GT(one, 600'000);
  EXPECT_LE(one, 720'000);
  Allowed(10, five_, "a");
  const std::int64_t full = redis_.Ask({"PTTL", "a"}).integer();
  EXPECT_GT(full, 3'400'000);
  EXPECT_LE(full, 3'600'000);
  const RateLimitPolicy fast("fast", RateLimit{1'000, 1s}, *metrics_);
  Charge({{&fast, "b"}});
  EXPECT_TRUE(Eventually([this] { return redis_.Ask({"EXISTS", "b"}).integer() == 0; }));
}

// Time is made to pass by moving what is stored into the past. The model is a bucket of its own: it
// decides by the time before and the time after each request, and where both say the same, so must
// the script.
TEST_F(RateLimiterTest, AgreesWithAModelOverRandomSchedules) {
  std::mt19937 random(17);
  const RateLimitPolicy policies[] = {RateLimitPolicy("p0", RateLimit{1, 3600s}, *metrics_),
                                      RateLimitPolicy("p1", RateLimit{7, 3600s}, *metrics_),
                                      RateLimitPolicy("p2", RateLimit{3, 60s}, *metrics_),
                                      RateLimitPolicy("p3", RateLimit{20, 60s}, *metrics_)};
  int decided = 0;
  int refused = 0;
  for (int schedule = 0; schedule < 1'000; ++schedule) {
    std::vector<RateLimitCharge> charges;
    for (const RateLimitPolicy& policy : policies) {
      if (random() % 2 == 0) charges.push_back({&policy, StrCat(policy.name, "-", schedule)});
    }
    if (charges.empty()) continue;
    for (int step = 0; step < 8; ++step) {
      std::vector<microseconds> stored;
      for (const RateLimitCharge& charge : charges) {
        stored.push_back(EmptyAt(charge.key).value_or(0us));
        if (stored.back() == 0us || random() % 3 > 0) continue;
        stored.back() -= microseconds(random() % 1'200'000'000);
        redis_.Ask({"SET", charge.key, StrCat(stored.back().count())});
      }
      const microseconds before = Now();
      const RateLimitDecision decision = Charge(charges);
      const microseconds after = Now();
      const auto would_allow = [&](microseconds now) {
        bool all = true;
        for (std::size_t i = 0; i < charges.size(); ++i) {
          const RateLimit& limit = charges[i].policy->limit;
          const microseconds level = std::max(0us, stored[i] - now);
          all = all && level + limit.interval() <= limit.interval() * limit.requests;
        }
        return all;
      };
      if (would_allow(before) != would_allow(after)) continue;
      ++decided;
      if (!decision.allowed) ++refused;
      ASSERT_EQ(decision.allowed, would_allow(before)) << schedule << " " << step;
      for (std::size_t i = 0; i < charges.size(); ++i) {
        const microseconds now_stored = EmptyAt(charges[i].key).value_or(0us);
        const microseconds interval = charges[i].policy->limit.interval();
        if (!decision.allowed) {
          ASSERT_TRUE(now_stored == stored[i] || now_stored == 0us);
        } else {
          ASSERT_GE(now_stored, std::max(stored[i], before) + interval);
          ASSERT_LE(now_stored, std::max(stored[i], after) + interval);
        }
      }
    }
  }
  EXPECT_GT(decided, 3'000);
  EXPECT_GT(refused, 500);
}

TEST_F(RateLimiterTest, AllowsTheLimitOverManyLoopsAtOnce) {
  std::vector<int> allowed(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    threads.emplace_back([this, i, &allowed] {
      for (int k = 0; k < 50; ++k) {
        if (Charge({{&hundred_, "key"}, {&five_, StrCat("own", i, "-", k)}}, i % kLoops).allowed) {
          ++allowed[i];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int all = 0;
  for (const int count : allowed) all += count;
  // On a slow machine a bucket of a hundred an hour may have leaked one or two.
  EXPECT_GE(all, 100);
  EXPECT_LE(all, 103);
}

TEST_F(ImpatientRateLimiterTest, TakesItsShareWhileRedisIsFrozenAndIsNeverOpen) {
  instances_ = 2;
  {
    const auto frozen = redis_.Freeze();
    const MonotonicTime start = SystemClock().Now();
    EXPECT_TRUE(Charge({{&five_, "key"}}).allowed);
    EXPECT_LT(SystemClock().Now() - start, 3s) << "50 ms on a machine that is not busy";
    EXPECT_EQ(Allowed(100, five_, "key"), 1) << "2 of 5 is the share of one of two instances";
    EXPECT_EQ(Allowed(10, two_, "other"), 1);
    EXPECT_GT(LocalDecisions(), 100);
  }
  ASSERT_TRUE(Eventually([this] {
    const double local = LocalDecisions();
    Charge({{&hundred_, "after"}});
    return LocalDecisions() == local;
  }));
}

TEST_F(ImpatientRateLimiterTest, TakesItsShareWhileRedisIsAwayAndGoesOnAfterwards) {
  redis_.Stop();
  ASSERT_TRUE(Eventually([this] {
    const double local = LocalDecisions();
    Charge({{&hundred_, "away"}});
    return LocalDecisions() > local;
  }));
  EXPECT_EQ(Allowed(100, five_, "key"), 5);
  EXPECT_FALSE(Charge({{&five_, "key"}, {&two_, "other"}}).allowed);
  EXPECT_EQ(Allowed(100, two_, "other"), 2) << "charged only together";
  redis_.Start();
  EXPECT_TRUE(Eventually([this] {
    Charge({{&hundred_, "back"}});
    return redis_.Ask({"EXISTS", "back"}).integer() == 1;
  }));
}

TEST_F(RateLimiterTest, TakesItsShareWhereTheServerHasNoRoom) {
  redis_.Ask({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(Allowed(20, five_, "key"), 5);
  EXPECT_GE(LocalDecisions(), 20);
}

TEST_F(RateLimiterTest, TakesItsShareWhereAKeyHoldsSomethingElse) {
  redis_.Ask({"LPUSH", "list", "x"});
  EXPECT_EQ(Allowed(20, five_, "list"), 5);
  redis_.Ask({"SET", "text", "soon"});
  EXPECT_EQ(Allowed(20, five_, "text"), 5) << "begins anew";
}

TEST_F(RateLimiterTest, WaitsNoLongerThanAFullBucketAfterAClockWasSetBack) {
  redis_.Ask({"SET", "key", StrCat((Now() + 100'000s).count())});
  const RateLimitDecision decision = Charge({{&five_, "key"}});
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.next, 720s);
}

TEST_F(RateLimiterTest, CountsOnceWhereTheServerHasForgottenTheScript) {
  EXPECT_EQ(Charge({{&five_, "key"}}).remaining, 4);
  redis_.Ask({"SCRIPT", "FLUSH"});
  EXPECT_EQ(Charge({{&five_, "key"}}).remaining, 3);
}

TEST_F(ImpatientRateLimiterTest, EndsWithTheRequestsOwnTime) {
  EXPECT_TRUE(absl::IsDeadlineExceeded(Try({{&five_, "key"}}, 0, Duration::zero()).status()));
  const auto frozen = redis_.Freeze();
  EXPECT_TRUE(absl::IsDeadlineExceeded(Try({{&five_, "key"}}, 0, 1ms).status()))
      << "a client's short deadline is no way to the share";
}

TEST_F(RateLimiterTest, TakesItsShareWithoutAServer) {
  limiter_ = MakeRateLimiter(
      nullptr, [] { return 1; }, *metrics_);
  EXPECT_EQ(Allowed(20, five_, "key"), 5);
}

}  // namespace
}  // namespace scaleout::gateway
