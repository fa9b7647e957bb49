// Cache and coalescer together, on two event loops over gRPC, while Redis is killed, frozen and
// flushed: every reader gets its own answer, and nothing is left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <vector>

#include "gateway/backends/cached_backends.h"
#include "tests/gateway/backends/user_reader.h"
#include "tests/gateway/redis/loop_redis_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using testing::Eventually;
using testing::PrivateRedis;

TEST(CachedCoalescedVerbTest, EveryReaderGetsItsOwnAnswerWhateverHappensToRedis) {
  constexpr int kReaders = 32;
  constexpr int kReadsEach = 600;
  Users users;
  const testing::SocketPath path;
  testing::RpcServer server(path.target(), {&users});
  PrivateRedis redis_server;
  testing::RunningLoops loops(2);
  RedisLinkConfig link;
  link.max_silence = milliseconds(100);
  link.retry_max = milliseconds(50);
  LoopRedis redis("redis-cache", redis_server.server(), link, loops.executors(), SystemClock(),
                  loops.logger(), loops.metrics());
  ReadCache cache({.user_ttl = milliseconds(10), .negative_ttl = milliseconds(10)}, redis,
                  loops.executors(), SystemClock(), loops.logger(), loops.metrics(),
                  MakeTokenSource());
  testing::GuardFixture guards(SystemClock(), loops.metrics(), loops.logger());
  Backends backends = MakeBackends({{"user", path.target()}}, guards.parts());
  ASSERT_TRUE(backends.WaitUntilConnected(std::chrono::seconds(10)));
  const CoalescingParts parts{{}, loops.executors(), SystemClock(), loops.logger()};
  UserBackend backend = MakeUserBackend(backends.Get("user"), &parts);
  CacheUsers(cache, backends.Get("user"), backend);

  std::latch done(kReaders);
  std::vector<std::unique_ptr<UserReader>> readers;
  for (unsigned i = 0; i < kReaders; ++i) {
    EventLoop& loop = loops.at(i % 2);
    readers.push_back(
        std::make_unique<UserReader>(loop, SystemClock(), backend, i, kReadsEach, done));
    loop.Post(*readers.back());
  }
  redis.Start();
  loops.Start();
  Backend& user = backends.Get("user");
  const auto hits = [&user] { return user.cached.front().counts().hits; };
  while (!done.try_wait()) {
    const std::int64_t before = hits();
    EXPECT_TRUE(Eventually([&] { return done.try_wait() || hits() > before + 100; }));
    redis_server.Ask({"FLUSHALL"});
    { const auto frozen = redis_server.Freeze(); }
    redis_server.Kill();
    redis_server.Start();
  }
  EXPECT_TRUE(Eventually([&] { return cache.idle(); }));
  loops.Stop();
  EXPECT_TRUE(backends.WaitForCallbacks());
  for (const auto& reader : readers) EXPECT_EQ(reader->wrong, 0);
  EXPECT_GT(users.asked.batches, 0);
  EXPECT_EQ(user.coalescers.front().counts().in_flight, 0);
  const CacheCounts counts = user.cached.front().counts();
  EXPECT_EQ(counts.hits + counts.stale + counts.misses + counts.bypassed, kReaders * kReadsEach);
  EXPECT_GT(counts.hits, 0);
  EXPECT_GT(counts.bypassed, 0);
}

}  // namespace
}  // namespace scaleout::gateway
