#include "services/user/revocation_relay.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "services/user/schema.h"
#include "tests/integration/pool_fixture.h"
#include "tests/integration/private_redis.h"
#include "tests/support/fake_logger.h"

namespace scaleout::user {
namespace {

using namespace std::chrono_literals;
using scaleout::testing::CallFor;
using scaleout::testing::Eventually;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RevocationRelayIntegrationTest : public scaleout::testing::PoolFixture {
 protected:
  // Ended so long ago; 0: not ended.
  SessionId AddSession(int seconds_ago) {
    const SessionId id = SessionId::Random();
    const std::string ended =
        seconds_ago == 0 ? "NULL" : "now() - interval '" + std::to_string(seconds_ago) + " s'";
    Ask("INSERT INTO sessions (id, user_id, refresh_hash, expires_at, revoked_at) VALUES ('" +
        id.hex() + "', 1, decode(repeat('00', 32), 'hex'), now() + interval '30 days', " + ended +
        ")");
    return id;
  }

  std::unique_ptr<RevocationRelay> MakeRelay() {
    auto relay = std::make_unique<RevocationRelay>(
        MakeRevocationStore(*pool_),
        MakeRedisRevocationPublisher(redis_.server(),
                                     {.client = {.connect_timeout = 250ms,
                                                 .command_timeout = 250ms,
                                                 .retry_pause = Duration::zero()}},
                                     SystemClock()),
        SystemClock(), logger_, *metrics_);
    relay->Start([this] { return pool_->reachable(); });
    return relay;
  }

  // The ids in the stream, in their order.
  std::vector<std::string> Published() {
    const RedisReply entries = redis_.Ask({"XRANGE", "revocations", "-", "+"});
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      ids.emplace_back(entries.at(i).at(1).at(1).text());
    }
    return ids;
  }

  bool AllMarked() {
    const auto left = store_->FindUnpublished(CallFor(), 10);
    return left.ok() && left->empty();
  }

  scaleout::testing::PrivateRedis redis_;
  scaleout::testing::FakeLogger logger_;
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  const std::unique_ptr<RevocationStore> store_ = MakeRevocationStore(*pool_);
};

TEST_F(RevocationRelayIntegrationTest, StoreFindsTheOldestEndsThatAreNotPublished) {
  const SessionId late = AddSession(1);
  const SessionId early = AddSession(50);
  AddSession(0);
  EXPECT_THAT(*store_->FindUnpublished(CallFor(), 10), ElementsAre(early, late));
  EXPECT_THAT(*store_->FindUnpublished(CallFor(), 1), ElementsAre(early));
  const auto figures = store_->ReadFigures(CallFor());
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_EQ(figures->pending, 2);
  EXPECT_GE(figures->oldest_age_seconds, 50);
  EXPECT_LT(figures->oldest_age_seconds, 500);
  ASSERT_TRUE(store_->MarkPublished(CallFor(), {early}).ok());
  EXPECT_THAT(*store_->FindUnpublished(CallFor(), 10), ElementsAre(late));
}

TEST_F(RevocationRelayIntegrationTest, StoreMarksNothingThatHasNotEnded) {
  const SessionId alive = AddSession(0);
  ASSERT_TRUE(store_->MarkPublished(CallFor(), {alive, SessionId::Random()}).ok());
  ASSERT_TRUE(store_->MarkPublished(CallFor(), {}).ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM sessions WHERE published"), "0");
  EXPECT_EQ(store_->ReadFigures(CallFor())->oldest_age_seconds, 0);
}

TEST_F(RevocationRelayIntegrationTest, PublishesWhatACallEndedAndWhatTheTableHad) {
  const SessionId before = AddSession(50);
  const auto relay = MakeRelay();
  EXPECT_TRUE(Eventually([&] { return AllMarked(); }));
  const SessionId ended = AddSession(1);
  const std::vector<SessionId> ids = {ended};
  EXPECT_TRUE(relay->Publish(CallFor(), ids).ok());
  const std::vector<std::string> published = Published();
  EXPECT_EQ(published.front(), before.hex());
  EXPECT_EQ(published.back(), ended.hex());
  EXPECT_TRUE(Eventually([&] { return AllMarked(); }));
}

TEST_F(RevocationRelayIntegrationTest, RefusesWhileTheServerIsFrozenAndPublishesLater) {
  const auto relay = MakeRelay();
  const SessionId ended = AddSession(1);
  {
    const auto frozen = redis_.Freeze();
    const std::vector<SessionId> ids = {ended};
    const absl::Status refused = relay->Publish(CallFor(), ids);
    EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
    EXPECT_EQ(ReasonOf(refused), kReasonRevocationPending);
    EXPECT_FALSE(AllMarked());
  }
  EXPECT_TRUE(Eventually([&] { return AllMarked(); }));
  EXPECT_EQ(Published().back(), ended.hex());
}

TEST_F(RevocationRelayIntegrationTest, MakesTheIncarnationAnewWithoutAnythingToPublish) {
  const auto relay = MakeRelay();
  const auto exists = [&] {
    return redis_.Ask({"EXISTS", "revocations:incarnation"}).integer() == 1;
  };
  EXPECT_TRUE(Eventually(exists));
  redis_.Ask({"FLUSHALL"});
  EXPECT_TRUE(Eventually(exists));
}

TEST_F(RevocationRelayIntegrationTest, SeveralRelaysPublishEverythingAtLeastOnce) {
  for (int i = 1; i <= 20; ++i) AddSession(i);
  const auto first = MakeRelay();
  const auto second = MakeRelay();
  EXPECT_TRUE(Eventually([&] { return AllMarked(); }));
  EXPECT_GE(Published().size(), 20U);
}

}  // namespace
}  // namespace scaleout::user
