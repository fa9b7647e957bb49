// Random reads and writes through several gateways at once: a read that begins after a write was
// answered never gives what was there before it, whatever fills are slow, values expire, tokens are
// evicted or everything is flushed meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gateway/cache/read_cache.h"
#include "tests/gateway/backends/cached_verb_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using testing::PrivateRedis;
using testing::ReadOutcome;
using testing::SmallGateway;

constexpr int kKeys = 6;
constexpr int kGateways = 3;
constexpr int kClients = 12;
constexpr int kStepsEach = 1'000;

class ReadCacheCoherenceTest : public ::testing::TestWithParam<bool> {
 protected:
  ReadCacheCoherenceTest() {
    for (int key = 0; key < kKeys; ++key) service_.Set(std::to_string(key), "0");
    for (int i = 0; i < kGateways; ++i) {
      CacheConfig config;
      config.user_ttl = milliseconds(40);
      config.lock_wait = milliseconds(i == 0 ? 0 : 15);
      config.fill_delay = milliseconds(i == 2 ? 12 : 3);
      gateways_.push_back(
          std::make_unique<SmallGateway>(service_, redis_.server(), config, RedisLinkConfig(), 2));
      EXPECT_TRUE(gateways_.back()->IsUp());
    }
  }

  // Each key has one writer, whose values rise.
  void RunClient(int client) {
    std::mt19937 random(static_cast<unsigned>(client));  // NOLINT: the same each time
    const auto draw = [&random](int below) {
      return std::uniform_int_distribution<int>(0, below - 1)(random);
    };
    for (int step = 1; step <= kStepsEach; ++step) {
      SmallGateway& gateway = *gateways_[static_cast<std::size_t>(draw(kGateways))];
      if (client < kKeys && draw(8) == 0) {
        EXPECT_TRUE(gateway.Write(std::to_string(client), std::to_string(step)).ok());
        answered_[static_cast<std::size_t>(client)] = step;
        continue;
      }
      const int key = draw(kKeys);
      const int least = answered_[static_cast<std::size_t>(key)];
      const ReadOutcome read = gateway
                                   .BeginRead(std::to_string(key), draw(20) == 0,
                                              std::chrono::seconds(10), draw(2) == 0 ? 0 : 1)
                                   .get();
      ASSERT_EQ(read.code, absl::StatusCode::kOk) << read.text;
      if (std::stoi(read.text) < least) ++old_[static_cast<std::size_t>(read.result())];
      ++results_[static_cast<std::size_t>(read.result())];
    }
  }

  testing::TextService service_;
  PrivateRedis redis_;
  std::vector<std::unique_ptr<SmallGateway>> gateways_;
  std::array<std::atomic<int>, kKeys> answered_{};
  std::array<std::atomic<int>, 5> results_{};
  std::array<std::atomic<int>, 5> old_{};
};

TEST_P(ReadCacheCoherenceTest, NoReadGivesWhatAnAnsweredWriteReplaced) {
  std::vector<std::jthread> clients;
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([this, client] { RunClient(client); });
  }
  if (GetParam()) {
    // Evictions and flushes.
    std::mt19937 random(99);  // NOLINT: the same each time
    for (int i = 0; i < 100; ++i) {
      redis_.Ask({"DEL", "t:" + std::to_string(random() % kKeys)});
      redis_.Ask({"DEL", "v:" + std::to_string(random() % kKeys)});
      if (i % 10 == 0) redis_.Ask({"DEL", "t:epoch"});
      if (i % 25 == 0) redis_.Ask({"FLUSHALL"});
    }
  }
  clients.clear();
  for (const std::atomic<int>& old : old_) EXPECT_EQ(old.load(), 0);
  for (const CacheResult result : {CacheResult::kHit, CacheResult::kStale, CacheResult::kMiss}) {
    EXPECT_GT(results_[static_cast<std::size_t>(result)].load(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutEvictions, ReadCacheCoherenceTest, ::testing::Bool());

}  // namespace
}  // namespace scaleout::gateway
