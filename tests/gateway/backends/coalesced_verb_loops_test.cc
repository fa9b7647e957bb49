// Reads on two event loops at once, over gRPC: what a race detector is to look at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "gateway/backends/user_backend.h"
#include "gateway/runtime/event_loops.h"
#include "tests/gateway/backends/user_reader.h"

namespace scaleout::gateway {
namespace {

TEST(CoalescedVerbLoopsTest, EveryReaderGetsItsOwnAnswer) {
  constexpr int kReaders = 32;
  constexpr int kReadsEach = 60;
  Users users;
  const testing::SocketPath path;
  testing::RpcServer server(path.target(), {&users});
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  const std::unique_ptr<Logger> logger = MakeNullLogger();
  EventLoops loops(2, SystemClock(), *logger, *metrics);
  testing::GuardFixture guards(SystemClock(), *metrics, *logger);
  Backends backends = MakeBackends({{"user", path.target()}}, guards.parts());
  ASSERT_TRUE(backends.WaitUntilConnected(std::chrono::seconds(10)));
  const CoalescingParts parts{{}, {&loops.at(0), &loops.at(1)}, SystemClock(), *logger};
  const UserBackend backend = MakeUserBackend(backends.Get("user"), &parts);
  std::latch done(kReaders);
  std::vector<std::unique_ptr<UserReader>> readers;
  for (unsigned i = 0; i < kReaders; ++i) {
    EventLoop& loop = loops.at(i % 2);
    readers.push_back(
        std::make_unique<UserReader>(loop, SystemClock(), backend, i, kReadsEach, done));
    loop.Post(*readers.back());
  }
  loops.Start();
  done.wait();
  loops.Stop();
  EXPECT_TRUE(backends.WaitForCallbacks());
  for (const auto& reader : readers) EXPECT_EQ(reader->wrong, 0);
  EXPECT_GT(users.asked.batches, 0);
  EXPECT_EQ(backends.Get("user").coalescers.front().counts().in_flight, 0);
}

}  // namespace
}  // namespace scaleout::gateway
