#include "gateway/auth/local_rate_limits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "common/str_cat.h"
#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;

class LocalRateLimitsTest : public ::testing::Test {
 protected:
  RateLimitDecision Charge(std::vector<RateLimitCharge> charges, int instances = 1) {
    return limits_.Charge(charges, instances, clock_.Now());
  }

  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeClock clock_;
  const RateLimitPolicy five_{"five", RateLimit{5, 60s}, *metrics_};
  const RateLimitPolicy two_{"two", RateLimit{2, 60s}, *metrics_};
  LocalRateLimits limits_{100};
};

TEST_F(LocalRateLimitsTest, CountsEachKeyByItself) {
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Charge({{&two_, "a"}}).allowed);
  EXPECT_FALSE(Charge({{&two_, "a"}}).allowed);
  EXPECT_TRUE(Charge({{&two_, "b"}}).allowed);
  clock_.Advance(30s);
  EXPECT_TRUE(Charge({{&two_, "a"}}).allowed);
  EXPECT_FALSE(Charge({{&two_, "a"}}).allowed);
}

TEST_F(LocalRateLimitsTest, ChargesAllOrNothing) {
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Charge({{&five_, "x"}, {&two_, "y"}}).allowed);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(Charge({{&five_, "x"}, {&two_, "y"}}).allowed);
  const RateLimitDecision decision = Charge({{&five_, "x"}});
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.remaining, 2) << "the refused ones cost nothing";
}

TEST_F(LocalRateLimitsTest, AskingChargesNothing) {
  const RateLimitCharge charge[] = {{&two_, "a"}};
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(limits_.Ask(charge, 1, clock_.Now()).allowed);
  EXPECT_EQ(limits_.size(), 0U);
  for (int i = 0; i < 2; ++i) Charge({{&two_, "a"}});
  const RateLimitDecision decision = limits_.Ask(charge, 1, clock_.Now());
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.next, 30s);
}

TEST_F(LocalRateLimitsTest, NamesTheOneThatRefusesForLongest) {
  for (int i = 0; i < 5; ++i) Charge({{&five_, "x"}});
  EXPECT_EQ(Charge({{&two_, "y"}, {&five_, "x"}}).which, 1U);
  EXPECT_EQ(Charge({{&five_, "x"}, {&two_, "y"}}).next, 12s);
  for (int i = 0; i < 2; ++i) Charge({{&two_, "y"}});
  const RateLimitDecision both = Charge({{&five_, "x"}, {&two_, "y"}});
  EXPECT_FALSE(both.allowed);
  EXPECT_EQ(both.which, 1U);
  EXPECT_EQ(both.next, 30s);
  EXPECT_EQ(both.remaining, 0);
}

TEST_F(LocalRateLimitsTest, NamesTheOneWithTheFewestLeftWhereAllAllow) {
  const RateLimitDecision decision = Charge({{&five_, "x"}, {&two_, "y"}});
  EXPECT_EQ(decision.which, 1U);
  EXPECT_EQ(decision.remaining, 1);
  EXPECT_EQ(decision.next, 30s);
}

TEST_F(LocalRateLimitsTest, TakesItsShareOfTheLimit) {
  const auto allowed = [this](const RateLimitPolicy& policy, const std::string& key,
                              int instances) {
    int count = 0;
    while (count < 1'000 && Charge({{&policy, key}}, instances).allowed) ++count;
    return count;
  };
  EXPECT_EQ(allowed(five_, "1", 1), 5);
  EXPECT_EQ(allowed(five_, "2", 2), 2);
  EXPECT_EQ(allowed(five_, "3", 3), 1);
  EXPECT_EQ(allowed(five_, "100", 100), 1) << "at least one";
  EXPECT_EQ(allowed(five_, "0", 0), 5) << "an instance that knows of none is one itself";
  EXPECT_EQ(allowed(five_, "-1", -1), 5);
}

TEST_F(LocalRateLimitsTest, ForgetsTheKeysThatWereNotChargedForLongest) {
  for (int i = 0; i < 2; ++i) Charge({{&two_, "old"}});
  for (int i = 0; i < 99; ++i) Charge({{&five_, StrCat("key", i)}});
  EXPECT_EQ(limits_.size(), 100U);
  EXPECT_FALSE(Charge({{&two_, "old"}}).allowed) << "refused, which is no use";
  Charge({{&five_, "key0"}});
  Charge({{&five_, "one more"}});
  EXPECT_EQ(limits_.size(), 100U);
  EXPECT_TRUE(Charge({{&two_, "old"}}).allowed) << "forgotten";
  EXPECT_EQ(Charge({{&five_, "key0"}}).remaining, 2) << "used since";
}

TEST_F(LocalRateLimitsTest, StaysWithinItsBoundWhateverComes) {
  for (int i = 0; i < 10'000; ++i) Charge({{&five_, StrCat("a", i)}, {&two_, StrCat("b", i % 7)}});
  EXPECT_LE(limits_.size(), 100U);
}

TEST_F(LocalRateLimitsTest, AllowsTheLimitOverManyThreads) {
  const RateLimitPolicy many("many", RateLimit{1'000, 3600s}, *metrics_);
  std::atomic<int> allowed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 500; ++k) {
        if (Charge({{&many, "key"}}).allowed) ++allowed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(allowed, 1'000);
}

}  // namespace
}  // namespace scaleout::gateway
