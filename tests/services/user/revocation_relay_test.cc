#include "services/user/revocation_relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"

namespace scaleout::user {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::Eventually;
using ::testing::IsEmpty;

// Ids 1, 2 and so on.
SessionId Id(int number) {
  std::string hex(32, '0');
  hex[31] = "0123456789abcdef"[number & 0xF];
  hex[30] = "0123456789abcdef"[number >> 4 & 0xF];
  hex[29] = "0123456789abcdef"[number >> 8 & 0xF];
  return *SessionId::Parse(hex);
}

// What the table has and redis-state does; the fakes are owned by what is tested.
struct World {
  std::vector<SessionId> rows;  // that are not published
  std::vector<SessionId> marked;
  std::vector<std::vector<std::string>> appended;
  absl::Status store, publisher;
  std::function<void()> on_publish = [] {};
  std::function<void()> on_mark = [] {};
  RevocationFigures figures;
  std::atomic<int> publications{0};
};

class FakeStore final : public RevocationStore {
 public:
  explicit FakeStore(World& world) : world_(world) {}
  absl::StatusOr<std::vector<SessionId>> FindUnpublished(const CallContext&,
                                                         std::int32_t limit) override {
    if (!world_.store.ok()) return world_.store;
    const auto count = std::min(world_.rows.size(), static_cast<std::size_t>(limit));
    return std::vector<SessionId>(world_.rows.begin(),
                                  world_.rows.begin() + static_cast<std::ptrdiff_t>(count));
  }
  absl::Status MarkPublished(const CallContext&, const std::vector<SessionId>& ids) override {
    world_.on_mark();
    if (!world_.store.ok()) return world_.store;
    for (const SessionId& id : ids) {
      std::erase(world_.rows, id);
      world_.marked.push_back(id);
    }
    return absl::OkStatus();
  }
  absl::StatusOr<RevocationFigures> ReadFigures(const CallContext&) override {
    return world_.figures;
  }

 private:
  World& world_;
};

class FakePublisher final : public RevocationPublisher {
 public:
  explicit FakePublisher(World& world) : world_(world) {}
  absl::StatusOr<std::string> Publish(std::span<const std::string> ids) override {
    world_.on_publish();
    ++world_.publications;
    if (!world_.publisher.ok()) return world_.publisher;
    if (!ids.empty()) world_.appended.emplace_back(ids.begin(), ids.end());
    return "incarnation";
  }

 private:
  World& world_;
};

// Counts how often it was read.
class CountingClock final : public Clock {
 public:
  MonotonicTime Now() const override {
    ++reads_;
    return clock_.Now();
  }
  WallTime WallNow() const override { return clock_.WallNow(); }
  void Advance(Duration by) { clock_.Advance(by); }
  int reads() const { return reads_; }

 private:
  testing::FakeClock clock_;
  mutable std::atomic<int> reads_{0};
};

class RevocationRelayTest : public ::testing::Test {
 protected:
  CallContext Call(Duration limit = 60s) {
    CallContext call;
    call.deadline = Deadline::In(limit, clock_);
    return call;
  }
  std::future<absl::Status> Publish(std::vector<SessionId> ids) {
    return std::async(std::launch::async,
                      [this, ids = std::move(ids)] { return relay_.Publish(Call(), ids); });
  }
  // As that, and returns when the call has its place in the list: it reads the clock after that,
  // under the lock. For tests in which nothing else reads it meanwhile.
  std::future<absl::Status> PublishAndQueue(SessionId id) {
    const CallContext call = Call();
    const int reads = clock_.reads();
    std::future<absl::Status> answer = std::async(std::launch::async, [this, call, id] {
      return relay_.Publish(call, std::vector<SessionId>{id});
    });
    EXPECT_TRUE(Eventually([&] { return clock_.reads() > reads; }));
    return answer;
  }
  absl::Status Round() {
    const absl::Status calls = relay_.CallsRound();
    const absl::Status rows = relay_.RowsRound();
    return calls.ok() ? rows : calls;
  }
  // Rounds of the test's thread, until the calls are answered.
  void RoundsUntilAnswered(const std::future<absl::Status>& answer) {
    EXPECT_TRUE(Eventually([&] {
      (void)Round();
      return answer.wait_for(0s) == std::future_status::ready;
    }));
  }
  static void ExpectPending(const absl::Status& status) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_EQ(ReasonOf(status), "REVOCATION_PENDING");
    EXPECT_EQ(MetadataOf(status)["retryAfterMs"], "1000");
  }

  World world_;
  CountingClock clock_;
  testing::FakeLogger logger_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  RevocationRelay relay_{std::make_unique<FakeStore>(world_),
                         std::make_unique<FakePublisher>(world_), clock_, logger_, *metrics_};
};

TEST_F(RevocationRelayTest, CallIsAnsweredOnceItsIdsAreAcknowledgedAndTheyAreMarked) {
  auto answer = Publish({Id(1), Id(2)});
  RoundsUntilAnswered(answer);
  EXPECT_TRUE(answer.get().ok());
  EXPECT_THAT(world_.appended, ElementsAre(ElementsAre(Id(1).hex(), Id(2).hex())));
  EXPECT_THAT(world_.marked, ElementsAre(Id(1), Id(2)));
}

// Its row is marked: another replica's relay was quicker, or it was published before.
TEST_F(RevocationRelayTest, PublishesWhatACallAsksForWhateverTheTableSays) {
  auto answer = Publish({Id(1)});
  RoundsUntilAnswered(answer);
  EXPECT_TRUE(answer.get().ok());
  EXPECT_THAT(world_.appended, ElementsAre(ElementsAre(Id(1).hex())));
}

TEST_F(RevocationRelayTest, NothingToPublishIsPublished) {
  EXPECT_TRUE(relay_.Publish(Call(), {}).ok());
  world_.publisher = absl::UnavailableError("away");
  EXPECT_FALSE(Round().ok());
  EXPECT_TRUE(relay_.Publish(Call(), {}).ok());
}

TEST_F(RevocationRelayTest, CallIsRefusedWhenTheAcknowledgementDoesNotComeInTime) {
  const std::vector<SessionId> ids = {Id(1)};
  ExpectPending(relay_.Publish(Call(10ms), ids));
  // It has left the list.
  ASSERT_TRUE(Round().ok());
  EXPECT_THAT(world_.appended, IsEmpty());
}

TEST_F(RevocationRelayTest, CallsAreRefusedAtOnceWhileTheServerIsAwayAndServedAfterwards) {
  world_.rows = {Id(1)};
  world_.publisher = absl::DeadlineExceededError("frozen");
  auto first = Publish({Id(1)});
  RoundsUntilAnswered(first);
  ExpectPending(first.get());
  const std::vector<SessionId> ids = {Id(2)};
  ExpectPending(relay_.Publish(Call(), ids));
  EXPECT_THAT(world_.marked, IsEmpty());
  world_.publisher = absl::OkStatus();
  clock_.Advance(kRevocationPoll);
  ASSERT_TRUE(Round().ok());
  EXPECT_THAT(world_.marked, ElementsAre(Id(1)));
  auto second = Publish({Id(2)});
  RoundsUntilAnswered(second);
  EXPECT_TRUE(second.get().ok());
}

// On a name server, say. Else each of them would hold a thread of the service for half a second.
TEST_F(RevocationRelayTest, CallsAreRefusedAtOnceWhileAnAttemptHangs) {
  std::promise<void> release;
  world_.on_publish = [released = release.get_future().share()] { released.wait(); };
  relay_.Start([] { return true; });
  const std::vector<SessionId> ids = {Id(1)};
  ExpectPending(relay_.Publish(Call(), ids));
  constexpr int kCalls = 100;
  const MonotonicTime began = SystemClock().Now();
  for (int i = 0; i < kCalls; ++i) ExpectPending(relay_.Publish(Call(), ids));
  EXPECT_LT(SystemClock().Now() - began, kCalls * kRevocationPublishWait / 2);
  release.set_value();
  EXPECT_TRUE(Eventually([&] { return relay_.Publish(Call(), ids).ok(); }));
}

// They came while the attempt that failed was under way.
TEST_F(RevocationRelayTest, CallsThatWaitWhenTheServerGoesAwayAreRefused) {
  std::future<absl::Status> waiting;
  world_.publisher = absl::UnavailableError("away");
  world_.on_publish = [&] {
    if (!waiting.valid()) waiting = PublishAndQueue(Id(1));
  };
  EXPECT_FALSE(relay_.CallsRound().ok());
  // It has left the list, and did not just reach its limit.
  world_.publisher = absl::OkStatus();
  ASSERT_TRUE(relay_.CallsRound().ok());
  EXPECT_THAT(world_.appended, IsEmpty());
  ExpectPending(waiting.get());
}

TEST_F(RevocationRelayTest, CallThatComesDuringAnAttemptIsServedByTheNextOne) {
  std::future<absl::Status> waiting;
  world_.on_publish = [&] {
    if (!waiting.valid()) waiting = PublishAndQueue(Id(1));
  };
  ASSERT_TRUE(relay_.CallsRound().ok());
  EXPECT_THAT(world_.appended, IsEmpty());
  ASSERT_TRUE(relay_.CallsRound().ok());
  EXPECT_THAT(world_.appended, ElementsAre(ElementsAre(Id(1).hex())));
  EXPECT_TRUE(waiting.get().ok());
}

TEST_F(RevocationRelayTest, AcknowledgedCallIsAnsweredAlsoWhereTheRowCannotBeMarked) {
  world_.rows = {Id(1)};
  auto answer = Publish({Id(1)});
  ASSERT_TRUE(Eventually([&] {
    world_.store = absl::UnavailableError("away");
    (void)Round();
    return !world_.appended.empty();
  }));
  EXPECT_TRUE(answer.get().ok());
  // It is published once more.
  world_.store = absl::OkStatus();
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(world_.appended.size(), 2U);
  EXPECT_THAT(world_.rows, IsEmpty());
}

TEST_F(RevocationRelayTest, PublishesAllOfTheTableInBatches) {
  for (int i = 0; i < 2 * kRevocationRows + 1; ++i) world_.rows.push_back(Id(i));
  ASSERT_TRUE(Round().ok());
  ASSERT_EQ(world_.appended.size(), 3U);
  EXPECT_EQ(world_.appended[0].size(), static_cast<std::size_t>(kRevocationRows));
  EXPECT_EQ(world_.appended[0][0], Id(0).hex());
  EXPECT_EQ(world_.appended[2].size(), 1U);
  EXPECT_THAT(world_.rows, IsEmpty());
}

TEST_F(RevocationRelayTest, LooksAtTheTableEverySoOftenAndAsksTheServerEachTime) {
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(world_.publications, 1);
  world_.rows = {Id(1)};
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(world_.publications, 1);
  clock_.Advance(kRevocationPoll);
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(world_.publications, 3);
  EXPECT_THAT(world_.marked, ElementsAre(Id(1)));
}

TEST_F(RevocationRelayTest, RowsStayWhereTheServerDoesNotTakeThem) {
  world_.rows = {Id(1)};
  world_.publisher = absl::ResourceExhaustedError("full");
  EXPECT_FALSE(Round().ok());
  EXPECT_THAT(world_.rows, ElementsAre(Id(1)));
  world_.publisher = absl::OkStatus();
  clock_.Advance(kRevocationPoll);
  ASSERT_TRUE(Round().ok());
  EXPECT_THAT(world_.rows, IsEmpty());
}

TEST_F(RevocationRelayTest, ThreadPublishesForCallsWithoutWaitingForItsPoll) {
  relay_.Start([] { return true; });
  for (int i = 0; i < 50; ++i) {
    const std::vector<SessionId> ids = {Id(i)};
    EXPECT_TRUE(relay_.Publish(Call(), ids).ok());
  }
}

// The requests' pool may be full, or the database away.
TEST_F(RevocationRelayTest, ThreadPublishesForCallsWhileTheTableIsHeldUp) {
  std::promise<void> release;
  world_.on_mark = [released = release.get_future().share()] { released.wait(); };
  relay_.Start([] { return true; });
  for (int i = 0; i < 5; ++i) {
    const std::vector<SessionId> ids = {Id(i)};
    EXPECT_TRUE(Eventually([&] { return relay_.Publish(Call(), ids).ok(); }));
  }
  release.set_value();
}

TEST_F(RevocationRelayTest, FailureInTheTableDelaysNoCall) {
  auto answer = Publish({Id(1)});
  ASSERT_TRUE(Eventually([&] {
    (void)relay_.CallsRound();
    return answer.wait_for(0s) == std::future_status::ready;
  }));
  EXPECT_TRUE(answer.get().ok());
  world_.store = absl::UnavailableError("away");
  EXPECT_FALSE(relay_.RowsRound().ok());
  EXPECT_TRUE(relay_.CallsRound().ok());
}

// Calls are not refused for longer because the table is held up.
TEST_F(RevocationRelayTest, ServerIsAskedWhetherItIsBackWithoutTheTable) {
  world_.store = absl::UnavailableError("away");
  world_.publisher = absl::UnavailableError("away");
  EXPECT_FALSE(relay_.CallsRound().ok());
  const std::vector<SessionId> ids = {Id(1)};
  ExpectPending(relay_.Publish(Call(), ids));
  world_.publisher = absl::OkStatus();
  ASSERT_TRUE(relay_.CallsRound().ok());
  auto answer = Publish({Id(1)});
  RoundsUntilAnswered(answer);
  EXPECT_TRUE(answer.get().ok());
}

TEST_F(RevocationRelayTest, SaysHowMuchIsPending) {
  const auto has = [&](const std::string& line) {
    return metrics_->RenderPrometheus().find("\n" + line + "\n") != std::string::npos;
  };
  world_.figures = {.pending = 3, .oldest_age_seconds = 1.5};
  world_.publisher = absl::UnavailableError("away");
  EXPECT_FALSE(Round().ok());
  EXPECT_TRUE(has("revocations_pending 3"));
  EXPECT_TRUE(has("revocations_oldest_age_seconds 1.5"));
  world_.publisher = absl::OkStatus();
  world_.rows = {Id(1), Id(2)};
  clock_.Advance(kRevocationPoll);
  ASSERT_TRUE(Round().ok());
  EXPECT_TRUE(has("revocations_published_total 2"));
}

TEST_F(RevocationRelayTest, WithoutAServerEachCallIsRefused) {
  RevocationRelay relay(std::make_unique<FakeStore>(world_), nullptr, clock_, logger_, *metrics_);
  relay.Start([] { return true; });
  const std::vector<SessionId> ids = {Id(1)};
  ExpectPending(relay.Publish(Call(), ids));
  EXPECT_TRUE(relay.Publish(Call(), {}).ok());
  EXPECT_TRUE(logger_.Find("ended sessions cannot be published: REDIS_STATE_ADDRESS is not set"));
}

}  // namespace
}  // namespace scaleout::user
