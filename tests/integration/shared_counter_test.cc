#include "gateway/cluster/shared_counter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/status.h"
#include "gateway/http/problem.h"
#include "tests/integration/private_redis.h"
#include "tests/integration/redis_state_loops.h"
#include "tests/support/eventually.h"
#include "tests/support/standstill.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;
using testing::RedisStateLoops;
using Next = absl::StatusOr<SharedCount>;

class SharedCounterTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(loops_.WaitUntilUp()); }
  Next Ask(std::size_t loop = 0, Duration time = 3s) {
    return loops_.Ask<Next>([this](RequestContext& context) { return counter_->Next(context); },
                            loop, time);
  }
  void ExpectUnavailable(const Next& next) {
    EXPECT_TRUE(absl::IsUnavailable(next.status())) << next.status();
    EXPECT_EQ(ReasonOf(next.status()), "SHARED_COUNTER_UNAVAILABLE");
    EXPECT_EQ(HttpStatusOf(next.status()), 503);
    EXPECT_EQ(MetadataOf(next.status())["retryAfterMs"], "1000");
  }

  testing::PrivateRedis redis_;
  RedisStateLoops loops_{redis_.server(), 2};
  std::unique_ptr<SharedCounter> counter_ = MakeSharedCounter(&loops_.redis());
};

TEST_F(SharedCounterTest, GivesEachNumberOnceOverLoopsAndThreads) {
  constexpr int kThreads = 8;
  constexpr int kEach = 50;
  std::vector<std::vector<SharedCount>> seen(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i, &seen] {
      for (int k = 0; k < kEach; ++k) seen[i].push_back(Ask(i % 2).value());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::int64_t> counts;
  std::set<std::int64_t> since;
  for (const std::vector<SharedCount>& of_thread : seen) {
    for (const SharedCount& count : of_thread) {
      counts.insert(count.count);
      since.insert(count.since_micros);
    }
  }
  EXPECT_EQ(counts.size(), kThreads * kEach);
  EXPECT_EQ(*counts.begin(), 1);
  EXPECT_EQ(*counts.rbegin(), kThreads * kEach);
  EXPECT_EQ(since.size(), 1U);
}

TEST_F(SharedCounterTest, SaysWhenItBegan) {
  const auto micros = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               SystemClock().WallNow().time_since_epoch())
        .count();
  };
  const std::int64_t before = micros();
  const std::int64_t since = Ask().value().since_micros;
  EXPECT_GE(since, before);
  EXPECT_LE(since, micros());
}

TEST_F(SharedCounterTest, BeginsAnewAfterFlushWithAnotherTime) {
  ASSERT_EQ(Ask().value().count, 1);
  const SharedCount before = Ask().value();
  redis_.Ask({"FLUSHALL"});
  const SharedCount after = Ask().value();
  EXPECT_EQ(before.count, 2);
  EXPECT_EQ(after.count, 1);
  EXPECT_GT(after.since_micros, before.since_micros);
}

TEST_F(SharedCounterTest, BeginsAnewWhereOnlyItsNumberIsLost) {
  const std::int64_t since = Ask().value().since_micros;
  redis_.Ask({"DEL", "counter:count"});
  const SharedCount after = Ask().value();
  EXPECT_EQ(after.count, 1);
  EXPECT_GT(after.since_micros, since);
}

TEST_F(SharedCounterTest, CountsOnceWhereTheServerHasForgottenTheScript) {
  ASSERT_EQ(Ask().value().count, 1);
  redis_.Ask({"SCRIPT", "FLUSH"});
  EXPECT_EQ(Ask().value().count, 2);
}

TEST_F(SharedCounterTest, IsUnavailableInTimeWhileRedisIsFrozen) {
  ASSERT_TRUE(Ask().ok());
  const SharedCount before = Ask().value();
  {
    const auto frozen = redis_.Freeze();
    const MonotonicTime start = SystemClock().Now();
    const Next first = Ask();
    EXPECT_LT(SystemClock().Now() - start, testing::kStandstill)
        << "50 ms on a machine that is not busy";
    ExpectUnavailable(first);
    ExpectUnavailable(Ask());
  }
  ASSERT_TRUE(Eventually([this] { return Ask().ok(); }));
  const SharedCount after = Ask().value();
  EXPECT_GT(after.count, before.count);
  EXPECT_EQ(after.since_micros, before.since_micros);
}

TEST_F(SharedCounterTest, IsUnavailableWhileRedisIsAwayAndGoesOnAfterwards) {
  redis_.Stop();
  ASSERT_TRUE(Eventually([this] { return !Ask().ok(); }));
  ExpectUnavailable(Ask());
  redis_.Start();
  EXPECT_TRUE(Eventually([this] { return Ask().ok(); }));
}

TEST_F(SharedCounterTest, IsUnavailableWhereItsKeysHoldSomethingElse) {
  redis_.Ask({"SET", "counter:count", "many"});
  ExpectUnavailable(Ask());
  redis_.Ask({"SET", "counter:count", "5"});
  redis_.Ask({"SET", "counter:since", "once"});
  ExpectUnavailable(Ask());
  redis_.Ask({"DEL", "counter:since"});
  EXPECT_EQ(Ask().value().count, 7);
}

TEST_F(SharedCounterTest, IsUnavailableWhereTheServerHasNoRoom) {
  redis_.Ask({"CONFIG", "SET", "maxmemory", "1"});
  ExpectUnavailable(Ask());
}

TEST_F(SharedCounterTest, EndsWithTheRequestsOwnTime) {
  EXPECT_TRUE(absl::IsDeadlineExceeded(Ask(0, Duration::zero()).status()));
}

TEST_F(SharedCounterTest, IsUnavailableWithoutAServer) {
  counter_ = MakeSharedCounter(nullptr);
  ExpectUnavailable(Ask());
}

}  // namespace
}  // namespace scaleout::gateway
