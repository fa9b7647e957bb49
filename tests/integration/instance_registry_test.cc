#include "gateway/cluster/instance_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "common/str_cat.h"
#include "tests/integration/private_redis.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;
using testing::PrivateRedis;

constexpr InstanceRegistryConfig kOften = {
    .interval = 5ms,
    .expiry = 60'000ms,
    .redis = {.connect_timeout = 1s, .command_timeout = 1s, .retry_pause = 0s}};

class InstanceRegistryTest : public ::testing::Test {
 protected:
  // An instance that says "<id> 1", "<id> 2" and so on.
  struct Instance {
    Instance(InstanceRegistryTest& test, const std::string& id,
             const InstanceRegistryConfig& config, const std::optional<RedisServer>& server)
        : registry(
              id, server, config, [this, id] { return StrCat(id, " ", ++rounds); }, SystemClock(),
              test.logger_, *test.metrics_) {
      registry.Start();
    }
    std::atomic<int> rounds{0};
    InstanceRegistry registry;
  };
  std::unique_ptr<Instance> Begin(const std::string& id,
                                  const InstanceRegistryConfig& config = kOften) {
    return std::make_unique<Instance>(*this, id, config, redis_.server());
  }

  // Its entry, and whether the index has it.
  std::string EntryOf(const std::string& id) {
    return std::string(redis_.Ask({"GET", StrCat(kInstanceKeyPrefix, id)}).text());
  }
  bool IsIndexed(const std::string& id) {
    return !redis_.Ask({"ZSCORE", kInstanceIndexKey, id}).is_nil();
  }
  bool IsRegistered(const std::string& id) { return !EntryOf(id).empty() && IsIndexed(id); }
  bool IsGone(const std::string& id) { return EntryOf(id).empty() && !IsIndexed(id); }
  double Counted(const char* outcome) {
    return metrics_
        ->AddCounter("instance_registrations_total",
                     "Rounds of the instance registry, by whether redis-state took the "
                     "entry.",
                     {{"outcome", outcome}})
        .value();
  }

  PrivateRedis redis_;
  testing::FakeLogger logger_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
};

TEST_F(InstanceRegistryTest, StoresWhatEachInstanceSaysOfItselfAgainAndAgain) {
  const auto a = Begin("a");
  const auto b = Begin("b");
  ASSERT_TRUE(Eventually([&] { return IsRegistered("a") && IsRegistered("b"); }));
  const std::string before = EntryOf("a");
  EXPECT_TRUE(Eventually([&] { return EntryOf("a") != before; }));
  EXPECT_EQ(EntryOf("a").substr(0, 2), "a ");
  EXPECT_EQ(redis_.Ask({"ZCARD", kInstanceIndexKey}).integer(), 2);
  EXPECT_GT(redis_.Ask({"PTTL", StrCat(kInstanceKeyPrefix, "a")}).integer(), 0);
  EXPECT_GT(redis_.Ask({"PTTL", kInstanceIndexKey}).integer(), 0);
}

TEST_F(InstanceRegistryTest, KnowsHowManyInstancesThereAre) {
  const auto a = Begin("a");
  EXPECT_GE(a->registry.instances(), 1);
  {
    const auto b = Begin("b");
    EXPECT_TRUE(
        Eventually([&] { return a->registry.instances() == 2 && b->registry.instances() == 2; }));
  }
  EXPECT_TRUE(Eventually([&] { return a->registry.instances() == 1; }));
  const auto c = Begin("c");
  ASSERT_TRUE(Eventually([&] { return a->registry.instances() == 2; }));
  redis_.Stop();
  ASSERT_TRUE(Eventually([&] { return Counted("failed") > 5; }));
  EXPECT_EQ(a->registry.instances(), 2) << "what it knew last";
}

TEST_F(InstanceRegistryTest, LetsTheEntryOfAnInstanceThatDiesExpire) {
  InstanceRegistryConfig config = kOften;
  config.interval = 3'600'000ms;  // no second round, as after a SIGKILL
  config.expiry = 300ms;
  const auto dead = Begin("dead", config);
  ASSERT_TRUE(Eventually([&] { return Counted("stored") == 1; }));
  EXPECT_TRUE(Eventually([&] { return IsGone("dead"); }));
}

TEST_F(InstanceRegistryTest, RemovesMembersOfTheIndexThatWereNotRenewed) {
  redis_.Ask({"ZADD", kInstanceIndexKey, "1", "of-old"});
  redis_.Ask({"ZADD", kInstanceIndexKey, "9e15", "of-the-future"});
  const auto a = Begin("a");
  ASSERT_TRUE(Eventually([&] { return IsRegistered("a"); }));
  EXPECT_FALSE(IsIndexed("of-old"));
  EXPECT_FALSE(IsIndexed("of-the-future"));
}

TEST_F(InstanceRegistryTest, RegistersAgainAfterFlush) {
  const auto a = Begin("a");
  ASSERT_TRUE(Eventually([&] { return IsRegistered("a"); }));
  redis_.Ask({"FLUSHALL"});
  EXPECT_TRUE(Eventually([&] { return IsRegistered("a"); }));
}

TEST_F(InstanceRegistryTest, GoesOnDescribingWhileRedisIsFrozenAndStoresAgainAfterwards) {
  InstanceRegistryConfig config = kOften;
  config.redis = {.connect_timeout = 20ms, .command_timeout = 20ms, .retry_pause = 0s};
  const auto a = Begin("a", config);
  ASSERT_TRUE(Eventually([&] { return IsRegistered("a"); }));
  {
    const auto frozen = redis_.Freeze();
    const double failed = Counted("failed");
    const int rounds = a->rounds;
    ASSERT_TRUE(Eventually([&] { return Counted("failed") > failed + 2; }));
    EXPECT_GT(a->rounds, rounds + 2);
    EXPECT_TRUE(Eventually([&] { return a->registry.self() == StrCat("a ", a->rounds.load()); }));
  }
  const std::string during = a->registry.self();
  const double stored = Counted("stored");
  EXPECT_TRUE(Eventually([&] { return Counted("stored") > stored && EntryOf("a") != during; }));
  EXPECT_GE(logger_.CountOf("instance cannot be registered"), 1U);
  EXPECT_TRUE(Eventually([&] {
    return logger_.CountOf("instance registered again") ==
           logger_.CountOf("instance cannot be registered");
  }));
}

TEST_F(InstanceRegistryTest, RegistersByItselfWhenRedisComesLate) {
  redis_.Stop();
  const auto a = Begin("a");
  ASSERT_TRUE(Eventually([&] { return Counted("failed") > 3; }));
  EXPECT_EQ(logger_.CountOf("instance cannot be registered"), 1U) << "once, not each round";
  redis_.Start();
  EXPECT_TRUE(Eventually([&] { return IsRegistered("a"); }));
}

TEST_F(InstanceRegistryTest, RemovesTheEntryWhenItLeaves) {
  const auto a = Begin("a");
  const auto b = Begin("b");
  ASSERT_TRUE(Eventually([&] { return IsRegistered("a") && IsRegistered("b"); }));
  a->registry.Leave();
  EXPECT_TRUE(IsGone("a"));
  EXPECT_TRUE(IsRegistered("b"));
}

TEST_F(InstanceRegistryTest, LeavesTheEntryOfAnotherProcessThatTookItsId) {
  InstanceRegistryConfig once = kOften;
  once.interval = 3'600'000ms;
  const auto old = Begin("a", once);
  ASSERT_TRUE(Eventually([&] { return IsRegistered("a"); }));
  redis_.Ask({"SET", StrCat(kInstanceKeyPrefix, "a"), "of the new process"});
  old->registry.Leave();
  EXPECT_TRUE(IsRegistered("a"));
}

TEST_F(InstanceRegistryTest, LeavesInTimeWhileRedisIsFrozen) {
  InstanceRegistryConfig config = kOften;
  config.redis = {.connect_timeout = 20ms, .command_timeout = 20ms, .retry_pause = 0s};
  const auto a = Begin("a", config);
  ASSERT_TRUE(Eventually([&] { return IsRegistered("a"); }));
  const auto frozen = redis_.Freeze();
  const MonotonicTime start = SystemClock().Now();
  a->registry.Leave();
  EXPECT_LT(SystemClock().Now() - start, 5s);
}

TEST_F(InstanceRegistryTest, StoresAtOnceWhatHasChanged) {
  InstanceRegistryConfig seldom = kOften;
  seldom.interval = 3'600'000ms;
  const auto a = Begin("a", seldom);
  ASSERT_TRUE(Eventually([&] { return EntryOf("a") == "a 2"; }));
  a->registry.Renew();
  EXPECT_TRUE(Eventually([&] { return EntryOf("a") == "a 3"; }));
}

TEST_F(InstanceRegistryTest, DoesNotStoreWhatIsTooLongToBeRead) {
  const auto a = Begin(std::string(kMaxInstanceBytes / 2, 'a'));
  ASSERT_TRUE(Eventually([&] { return Counted("failed") > 0; }));
  EXPECT_EQ(redis_.Ask({"ZCARD", kInstanceIndexKey}).integer(), 0);
}

TEST_F(InstanceRegistryTest, DescribesItselfWithoutAServer) {
  Instance a(*this, "a", kOften, std::nullopt);
  EXPECT_TRUE(Eventually([&] { return a.rounds > 3; }));
  EXPECT_EQ(a.registry.self().substr(0, 2), "a ");
  EXPECT_EQ(Counted("stored") + Counted("failed"), 0);
}

TEST_F(InstanceRegistryTest, KnowsItselfBeforeItStarts) {
  const InstanceRegistry registry(
      "a", redis_.server(), kOften, [] { return std::string("early"); }, SystemClock(), logger_,
      *metrics_);
  EXPECT_EQ(registry.self(), "early");
}

}  // namespace
}  // namespace scaleout::gateway
