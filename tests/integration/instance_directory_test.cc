#include "gateway/cluster/instance_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "common/str_cat.h"
#include "gateway/cluster/instance_registry.h"
#include "tests/integration/private_redis.h"
#include "tests/integration/redis_state_loops.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"
#include "tests/support/standstill.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::Eventually;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::chrono::milliseconds kExpiry{60'000};

class InstanceDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(loops_.WaitUntilUp()); }
  InstanceEntries Read() {
    return loops_.Ask<InstanceEntries>(
        [this](RequestContext& context) { return directory_->Read(context); });
  }
  static auto Entry(const std::string& id, const std::string& description) {
    return ::testing::AllOf(Field(&InstanceEntry::id, id),
                            Field(&InstanceEntry::description, description));
  }
  // As the registry would, `age` ago.
  void Put(const std::string& id, const std::string& description, Duration age = 0s) {
    redis_.Ask({"SET", StrCat(kInstanceKeyPrefix, id), description});
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        (SystemClock().WallNow() - age).time_since_epoch());
    redis_.Ask({"ZADD", kInstanceIndexKey, StrCat(now.count()), id});
  }

  testing::PrivateRedis redis_;
  testing::RedisStateLoops loops_{redis_.server()};
  std::unique_ptr<InstanceDirectory> directory_ = MakeInstanceDirectory(&loops_.redis(), kExpiry);
};

TEST_F(InstanceDirectoryTest, ReadsWhatTheRegistriesStore) {
  testing::FakeLogger logger;
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  InstanceRegistryConfig config;
  config.expiry = kExpiry;
  const auto make = [&](const std::string& id) {
    auto registry = std::make_unique<InstanceRegistry>(
        id, redis_.server(), config, [id] { return StrCat("I am ", id); }, SystemClock(), logger,
        *metrics);
    registry->Start();
    return registry;
  };
  const auto a = make("a");
  const auto b = make("b");
  ASSERT_TRUE(Eventually([this] { return Read().entries.size() == 2; }));
  EXPECT_THAT(Read().entries, UnorderedElementsAre(Entry("a", "I am a"), Entry("b", "I am b")));
  EXPECT_TRUE(Read().complete);
  a->Leave();
  EXPECT_THAT(Read().entries, ElementsAre(Entry("b", "I am b")));
}

TEST_F(InstanceDirectoryTest, LeavesOutWhatWasNotRenewedWithinTheExpiry) {
  Put("old", "x", kExpiry + 1s);
  Put("young", "y", kExpiry / 2);
  EXPECT_THAT(Read().entries, ElementsAre(Entry("young", "y")));
}

TEST_F(InstanceDirectoryTest, LeavesOutMembersOfTheIndexWhoseEntryIsNoTextOfItsLength) {
  Put("good", "x");
  Put("none", "x");
  redis_.Ask({"DEL", StrCat(kInstanceKeyPrefix, "none")});
  Put("empty", "");
  Put("long", std::string(kMaxInstanceBytes, 'x'));
  Put("longest", std::string(1 << 20, 'x'));
  Put(std::string(kMaxInstanceBytes, 'i'), "x");
  Put("list", "x");
  redis_.Ask({"DEL", StrCat(kInstanceKeyPrefix, "list")});
  redis_.Ask({"RPUSH", StrCat(kInstanceKeyPrefix, "list"), "x"});
  const InstanceEntries read = Read();
  EXPECT_THAT(read.entries, ElementsAre(Entry("good", "x")));
  EXPECT_TRUE(read.complete);
}

TEST_F(InstanceDirectoryTest, ReadsAnEntryOfExactlyTheLongestLength) {
  Put("a", std::string(kMaxInstanceBytes - 1, 'x'));
  EXPECT_EQ(Read().entries.size(), 1U);
}

TEST_F(InstanceDirectoryTest, ReadsNoMoreThanTheMostAndSaysSo) {
  for (std::size_t i = 0; i < kMaxInstances; ++i) Put(StrCat("i", i), "x");
  EXPECT_EQ(Read().entries.size(), kMaxInstances);
  EXPECT_TRUE(Read().complete);
  Put("one-more", "x");
  EXPECT_EQ(Read().entries.size(), kMaxInstances);
  EXPECT_FALSE(Read().complete);
}

TEST_F(InstanceDirectoryTest, IsIncompleteWhereTheIndexIsSomethingElse) {
  redis_.Ask({"SET", kInstanceIndexKey, "text"});
  const InstanceEntries read = Read();
  EXPECT_THAT(read.entries, IsEmpty());
  EXPECT_FALSE(read.complete);
}

TEST_F(InstanceDirectoryTest, IsIncompleteInTimeWhileRedisIsFrozen) {
  Put("a", "x");
  ASSERT_TRUE(Read().complete);
  {
    const auto frozen = redis_.Freeze();
    const MonotonicTime start = SystemClock().Now();
    EXPECT_FALSE(Read().complete);
    EXPECT_LT(SystemClock().Now() - start, testing::kStandstill)
        << "50 ms on a machine that is not busy";
    EXPECT_THAT(Read().entries, IsEmpty());
  }
  EXPECT_TRUE(Eventually([this] { return Read().complete; }));
}

TEST_F(InstanceDirectoryTest, IsIncompleteWhileRedisIsAway) {
  redis_.Stop();
  EXPECT_TRUE(Eventually([this] { return !Read().complete; }));
  redis_.Start();
  EXPECT_TRUE(Eventually([this] { return Read().complete; }));
}

TEST_F(InstanceDirectoryTest, IsEmptyAndIncompleteWithoutAServer) {
  directory_ = MakeInstanceDirectory(nullptr, kExpiry);
  EXPECT_THAT(Read().entries, IsEmpty());
  EXPECT_FALSE(Read().complete);
}

}  // namespace
}  // namespace scaleout::gateway
