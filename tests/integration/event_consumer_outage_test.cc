#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <string>
#include <utility>

#include "service/events/event_consumer.h"
#include "tests/integration/event_consumer_fixture.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;

class EventConsumerOutageTest : public EventConsumerTest {
 protected:
  // More often than an event has attempts, with its pauses between.
  static void FailOften(EventConsumer& consumer, testing::AheadClock& clock) {
    for (int i = 0; i < 30; ++i) {
      EXPECT_FALSE(consumer.Round().ok());
      clock.Advance(11s);
    }
  }
  void ExpectAppliedOnce() { ExpectAppliedOnce(*consumer_); }
  void ExpectAppliedOnce(EventConsumer& consumer) {
    EXPECT_TRUE(Eventually([&] { return consumer.Round().ok(); }));
    EXPECT_EQ(Effects(), "a b");
    EXPECT_EQ(DeadLetters() + Failures(), "");
    EXPECT_EQ(Pending(), 0U);
  }
};

TEST_F(EventConsumerOutageTest, DatabaseThatIsAwayCostsNoAttempt) {
  // Which asks the database nothing before it reads.
  const auto consumer = Consumer(*reader_, {.redrive_interval = 10min});
  ASSERT_TRUE(consumer->Round().ok());
  Write(1, FieldsOf(1, 7, "a"));
  postgres_.Stop();
  FailOften(*consumer, clock_);
  EXPECT_EQ(Pending(), 1U);
  Write(2, FieldsOf(2, 7, "b", 1));
  postgres_.Start();
  ExpectAppliedOnce(*consumer);
}

TEST_F(EventConsumerOutageTest, DatabaseThatIsFrozenCostsNoAttempt) {
  const auto consumer = Consumer(*reader_, {.redrive_interval = 10min});
  ASSERT_TRUE(consumer->Round().ok());
  Write(1, FieldsOf(1, 7, "a"));
  {
    const auto frozen = postgres_.Freeze();
    FailOften(*consumer, clock_);
  }
  EXPECT_EQ(Pending(), 1U);
  Write(2, FieldsOf(2, 7, "b", 1));
  ExpectAppliedOnce(*consumer);
}

// Its answer is lost with the connection.
TEST_F(EventConsumerOutageTest, ConnectionThatBreaksInTheTransactionCostsNoAttempt) {
  Write(1, FieldsOf(1, 7, "a"));
  Write(2, FieldsOf(2, 7, "b", 1));
  int breaks = 3;
  const auto handlers = Handlers();
  const auto consumer = MakeConsumer(
      *reader_, {{"user.changed", [&](PostgresSession& session, const events::v1::Event& event) {
                    if (breaks-- > 0) EndIdleTransactions();
                    return handlers.front().handle(session, event);
                  }}});
  EXPECT_FALSE(consumer->Round().ok());
  EXPECT_TRUE(Eventually([&] { return consumer->Round().ok(); }));
  EXPECT_EQ(Effects(), "a b");
  EXPECT_EQ(Failures() + DeadLetters(), "");
}

TEST_F(EventConsumerOutageTest, FailureThatIsNotTheEventsCostsNoAttempt) {
  Write(1, FieldsOf(1, 7, "a"));
  for (const auto code : {absl::StatusCode::kUnavailable, absl::StatusCode::kDeadlineExceeded,
                          absl::StatusCode::kCancelled, absl::StatusCode::kResourceExhausted}) {
    failures_["a"] = absl::Status(code, "not now");
    for (int i = 0; i < 12; ++i) EXPECT_EQ(consumer_->Round().code(), code);
  }
  failures_["a"] = absl::AbortedError("conflict");
  for (int i = 0; i < 12; ++i) {
    Round();  // it stays pending; others need not wait
    LetPausesPass();
  }
  EXPECT_EQ(Pending(), 1U);
  EXPECT_EQ(Failures() + DeadLetters(), "");
  failures_.clear();
  Write(2, FieldsOf(2, 7, "b", 1));
  LetPausesPass();
  ExpectAppliedOnce();
}

// As a request does whose process is frozen, or an operator with a shell.
TEST_F(EventConsumerOutageTest, RowThatAnotherHoldsKeepsOnlyTheEventThatNeedsIt) {
  Ask("CREATE TABLE orders AS SELECT 7 AS id");
  static constexpr PostgresStatement kLock = {"lock", "SELECT id FROM orders FOR UPDATE"};
  std::promise<void> locked;
  std::promise<void> released;
  auto holder = std::async(std::launch::async, [&] {
    return pool_->Transact(testing::CallFor(), [&](PostgresSession& session) -> absl::Status {
      absl::Status status = session.Execute(kLock).status();
      locked.set_value();
      released.get_future().wait();
      return status;
    });
  });
  locked.get_future().wait();
  const auto handlers = Handlers();
  const auto consumer =
      MakeConsumer(*reader_, {{"user.changed",
                               [&](PostgresSession& session,
                                   const events::v1::Event& event) -> absl::StatusOr<EventEffect> {
                                 if (event.aggregate_id == 7) {
                                   const absl::Status status = session.Execute(kLock).status();
                                   if (!status.ok()) return status;
                                 }
                                 return handlers.front().handle(session, event);
                               }}});
  Write(1, FieldsOf(1, 7, "a"));
  Write(2, FieldsOf(2, 8, "of another order"));
  EXPECT_TRUE(consumer->Round().ok());
  EXPECT_EQ(Effects(), "of another order");
  EXPECT_EQ(Pending(), 1U);
  EXPECT_EQ(Failures() + DeadLetters(), "");
  released.set_value();
  EXPECT_TRUE(holder.get().ok());
  LetPausesPass();
  EXPECT_TRUE(consumer->Round().ok());
  EXPECT_EQ(Effects(), "of another order a");
}

TEST_F(EventConsumerOutageTest, BatchThatTakesTooLongGoesOneByOne) {
  Write(1, FieldsOf(1, 7, "a"));
  Write(2, FieldsOf(2, 8, "b"));
  const auto handlers = Handlers();
  bool slow = true;
  const auto consumer = MakeConsumer(
      *reader_, {{"user.changed",
                  [&](PostgresSession& session,
                      const events::v1::Event& event) -> absl::StatusOr<EventEffect> {
                    if (event.payload == "b" && std::exchange(slow, false)) {
                      return absl::DeadlineExceededError("the time of the transaction is over");
                    }
                    return handlers.front().handle(session, event);
                  }}});
  EXPECT_TRUE(consumer->Round().ok());
  EXPECT_EQ(Effects(), "a b");
}

TEST_F(EventConsumerOutageTest, ReadsNothingMoreWhileItHoldsWhatItCouldNotHandle) {
  failures_["a"] = absl::UnavailableError("away");
  Write(1, FieldsOf(1, 7, "a"));
  EXPECT_FALSE(consumer_->Round().ok());
  Write(2, FieldsOf(2, 7, "b", 1));
  EXPECT_FALSE(consumer_->Round().ok());
  EXPECT_EQ(Pending(), 1U);
  failures_.clear();
  ExpectAppliedOnce();
}

TEST_F(EventConsumerOutageTest, RoundFailsWhileTheStreamsAreAwayAndGoesOnAfterwards) {
  Write(1, FieldsOf(1, 7, "a"));
  Write(2, FieldsOf(2, 7, "b", 1));
  streams_.away = true;
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(absl::IsUnavailable(consumer_->Round()));
  streams_.away = false;
  ExpectAppliedOnce();
}

TEST_F(EventConsumerOutageTest, ReadWhoseReplyIsLostIsClaimedLater) {
  Round();
  Write(1, FieldsOf(1, 7, "a"));
  Write(2, FieldsOf(2, 7, "b", 1));
  const auto slow = Consumer(*reader_, {.claim_interval = 10min});
  EXPECT_TRUE(slow->Round().ok());
  EXPECT_EQ(Effects(), "a b");
  Write(3, FieldsOf(3, 7, "c", 2));
  streams_.lose_next_reply = true;
  EXPECT_FALSE(slow->Round().ok());
  EXPECT_EQ(Pending(), 1U);
  LetPausesPass();
  Round();
  EXPECT_EQ(Effects(), "a b c");
}

// DB_STATEMENT_TIMEOUT or a stop may end the transaction at any of its statements.
TEST_F(EventConsumerOutageTest, StopEndsTheRoundWithoutEffectOrAttempt) {
  Write(1, FieldsOf(1, 7, "a"));
  stopping_ = true;
  EXPECT_FALSE(consumer_->Round().ok());
  EXPECT_EQ(Effects(), "");
  stopping_ = false;
  EXPECT_EQ(Failures() + DeadLetters(), "");
  Write(2, FieldsOf(2, 7, "b", 1));
  LetPausesPass();
  ExpectAppliedOnce();
}

}  // namespace
}  // namespace scaleout
