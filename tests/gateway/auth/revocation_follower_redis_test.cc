#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gateway/auth/revocation_follower.h"
#include "gateway/runtime/step_thread.h"
#include "redis/revocation_publisher.h"
#include "tests/integration/private_redis.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;
using testing::PrivateRedis;

constexpr RedisClientOptions kClient = {
    .connect_timeout = 250ms, .command_timeout = 250ms, .retry_pause = Duration::zero()};

SessionNumber Session(std::uint64_t number) { return {.high = 0, .low = number}; }

// A gateway's thread that follows the stream, and the user service: what it has committed, and its
// publisher.
class RevocationFollowerRedisTest : public ::testing::Test {
 protected:
  RevocationFollowerRedisTest() { thread_.Start(); }
  ~RevocationFollowerRedisTest() override { EXPECT_TRUE(thread_.Stop(60s)); }

  // Ends a session: commits it, and publishes it until that is acknowledged.
  void Revoke(std::uint64_t number) {
    {
      const std::lock_guard lock(mutex_);
      committed_.push_back(SessionIdOf(Session(number)));
    }
    const std::vector<std::string> ids = {SessionIdOf(Session(number))};
    EXPECT_TRUE(Eventually([&] { return publisher_->Publish(ids).ok(); }));
  }

  absl::StatusOr<RevocationPage> List() {
    if (!list_ok_) return absl::UnavailableError("away");
    const std::lock_guard lock(mutex_);
    return RevocationPage{.session_ids = committed_, .next_page_token = ""};
  }

  bool IsTrusted() {
    return Eventually([&] { return follower_.trusted(); });
  }
  // Never said to live once it is said to have ended or not to be known.
  bool IsRefused(std::uint64_t number) {
    return Eventually([&] { return follower_.IsAlive(Session(number)) == false; });
  }

  PrivateRedis redis_{{.configuration = {"appendonly yes", "appendfsync always"}}};
  std::mutex mutex_;
  std::vector<std::string> committed_;
  std::atomic<bool> list_ok_{true};
  std::unique_ptr<RevocationPublisher> publisher_ =
      MakeRedisRevocationPublisher(redis_.server(), {.client = kClient}, SystemClock());
  testing::FakeLogger logger_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  RevocationFollower follower_{MakeRedisRevocationReader(redis_.server(), kClient, SystemClock()),
                               [this](const std::string&) { return List(); }, SystemClock(),
                               logger_, *metrics_};
  StepThread thread_{"revocations", [this] { return follower_.Step(); }};
};

TEST_F(RevocationFollowerRedisTest, RefusesWhatWasRevokedBeforeAndAfterItBegan) {
  EXPECT_FALSE(follower_.trusted());
  Revoke(1);
  ASSERT_TRUE(IsTrusted());
  EXPECT_TRUE(IsRefused(1));
  for (std::uint64_t i = 2; i < 100; ++i) {
    Revoke(i);
    EXPECT_TRUE(IsRefused(i));
  }
  EXPECT_TRUE(Eventually([&] { return follower_.IsAlive(Session(100)) == true; }));
}

// Whatever happens to the server, what was acknowledged half a second ago is not said to live.
TEST_F(RevocationFollowerRedisTest, NeverSaysThatAnEndedSessionLivesWhateverTheServerDoes) {
  std::atomic<std::uint64_t> ended{0};  // all up to this one, for more than kRevocationTrust
  std::atomic<int> wrong{0};
  std::atomic<int> refused{0};
  std::atomic<bool> stop{false};
  std::thread asking([&] {
    while (!stop) {
      for (std::uint64_t i = 1; i <= ended; ++i) {
        const auto alive = follower_.IsAlive(Session(i));
        if (alive == true) ++wrong;
        if (alive == false) ++refused;
      }
    }
  });
  const auto pass = [&](std::uint64_t number) {
    const MonotonicTime acknowledged = SystemClock().Now();
    Eventually([&] { return SystemClock().Now() - acknowledged > kRevocationTrust; });
    ended = number;
  };
  const auto is_refused_again = [&] {
    const int before = refused;
    return Eventually([&] { return refused > before; });
  };
  Revoke(1);
  pass(1);
  EXPECT_TRUE(is_refused_again());

  redis_.Ask({"FLUSHALL"});
  Revoke(2);
  pass(2);
  EXPECT_TRUE(is_refused_again());

  {
    const auto frozen = redis_.Freeze();
    EXPECT_TRUE(Eventually([&] { return !follower_.trusted(); }));
  }
  Revoke(3);
  pass(3);
  EXPECT_TRUE(IsRefused(3));

  redis_.Kill();
  redis_.Start();
  Revoke(4);
  pass(4);
  EXPECT_TRUE(IsRefused(4));

  redis_.Ask({"DEL", "revocations"});
  Revoke(5);
  pass(5);
  EXPECT_TRUE(IsRefused(5));

  stop = true;
  asking.join();
  EXPECT_EQ(wrong, 0);
}

// What the server had acknowledged is lost with its crash; the rows are not.
TEST_F(RevocationFollowerRedisTest, KnowsWhatTheServerHasLostFromTheList) {
  Revoke(1);
  ASSERT_TRUE(IsRefused(1));
  redis_.Kill();
  {
    const std::lock_guard lock(mutex_);
    committed_.push_back(SessionIdOf(Session(2)));
  }
  redis_.Start();
  EXPECT_TRUE(Eventually([&] { return publisher_->Publish({}).ok(); }));
  EXPECT_TRUE(IsRefused(2));
  EXPECT_TRUE(IsRefused(1));
}

TEST_F(RevocationFollowerRedisTest, IsNotTrustedWithoutTheListUntilItIsThere) {
  list_ok_ = false;
  Revoke(1);
  EXPECT_TRUE(Eventually([&] {
    return logger_.CountOf(
               "ended sessions are not known: the user service is asked for "
               "each") > 0;
  }));
  EXPECT_FALSE(follower_.trusted());
  list_ok_ = true;
  EXPECT_TRUE(IsRefused(1));
}

TEST_F(RevocationFollowerRedisTest, LosesTrustByItselfWhileTheServerIsFrozenAndGetsItBack) {
  Revoke(1);
  ASSERT_TRUE(IsTrusted());
  {
    const auto frozen = redis_.Freeze();
    EXPECT_TRUE(Eventually([&] { return !follower_.IsAlive(Session(2)).has_value(); }));
  }
  EXPECT_TRUE(IsTrusted());
  EXPECT_TRUE(IsRefused(1));
}

}  // namespace
}  // namespace scaleout::gateway
