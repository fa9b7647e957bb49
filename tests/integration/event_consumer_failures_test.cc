#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "service/events/event_consumer.h"
#include "tests/integration/event_consumer_fixture.h"

namespace scaleout {
namespace {

using ::testing::HasSubstr;

class EventConsumerFailuresTest : public EventConsumerTest {
 protected:
  void Redrive() { Ask("UPDATE dead_letters SET redrive_at = now() RETURNING 1"); }
  // Until the consumer looks for letters again.
  void LookAgain() {
    clock_.Advance(std::chrono::seconds(1));
    Round();
  }
};

TEST_F(EventConsumerFailuresTest, EventThatFailsIsDeadAfterExactlyTenAttempts) {
  failures_["bad"] = absl::InternalError("no such state");
  Write(1, FieldsOf(1, 6, "a"));
  Write(2, FieldsOf(2, 7, "bad"));
  Write(3, FieldsOf(3, 7, "after", 2));
  Write(4, FieldsOf(4, 8, "b"));
  Round();
  EXPECT_EQ(Effects(), "a b");  // of the same batch, at once
  EXPECT_EQ(Failures(), "02 1 no such state");
  for (int attempt = 2; attempt <= 9; ++attempt) {
    LetPausesPass();
    Write(100 + attempt, FieldsOf(100 + attempt, 100 + attempt, "n"));
    Round();
    EXPECT_EQ(Failures(), "02 " + std::to_string(attempt) + " no such state");
  }
  EXPECT_EQ(DeadLetters(), "");
  EXPECT_EQ(Effects(), "a b n n n n n n n n");
  EXPECT_EQ(Pending(), 2U);
  LetPausesPass();
  Round();
  EXPECT_EQ(DeadLetters(), "2-0 user.changed 10 no such state");
  EXPECT_EQ(Failures(), "");
  LetPausesPass();
  Round();
  EXPECT_EQ(Effects(), "a b n n n n n n n n after");
  EXPECT_EQ(Pending(), 0U);
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kFailed), 9);
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kDead), 1);
  EXPECT_EQ(log_.CountOf("event failed"), 9U);
  EXPECT_EQ(log_.CountOf("event is a dead letter"), 1U);
  EXPECT_EQ(Ask("SELECT fields ->> 'data' FROM dead_letters"), "bad");
}

TEST_F(EventConsumerFailuresTest, EventThatFailedIsNotTriedBeforeItsPauseIsOver) {
  failures_["a"] = absl::InternalError("no");
  Write(1, FieldsOf(1, 7, "a"));
  Round();
  const int calls = calls_["a"];
  Ask("UPDATE inbox_failures SET retry_at = now() + interval '1 hour' RETURNING 1");
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(std::chrono::seconds(1));
    Round();
  }
  EXPECT_EQ(calls_["a"], calls);
  EXPECT_EQ(Failures(), "01 1 no");
}

TEST_F(EventConsumerFailuresTest, FailureThatStopsInTimeIsForgotten) {
  failures_["a"] = absl::NotFoundError("no order");
  Write(1, FieldsOf(1, 7, "a"));
  Round();
  for (int i = 0; i < 5; ++i) {
    LetPausesPass();
    Round();
  }
  EXPECT_EQ(Failures(), "01 6 no order");
  failures_.clear();
  LetPausesPass();
  Round();
  EXPECT_EQ(Effects(), "a");
  EXPECT_EQ(Failures() + DeadLetters(), "");
}

// Then it comes as a new entry.
TEST_F(EventConsumerFailuresTest, FailureIsForgottenAlsoWhenTheEventWasSentAgain) {
  failures_["a"] = absl::InternalError("no");
  Write(1, FieldsOf(1, 7, "a"));
  Round();
  failures_.clear();
  Write(2, FieldsOf(1, 7, "a"));
  Round();
  EXPECT_EQ(Effects(), "a");
  EXPECT_EQ(Failures(), "");
  LetPausesPass();
  Round();
  EXPECT_EQ(Effects(), "a");
  EXPECT_EQ(Pending(), 0U);
}

TEST_F(EventConsumerFailuresTest, ErrorsWithAnyBytesAreStored) {
  using namespace std::string_literals;
  failures_["a"] = absl::DataLossError("\xff\0 it's"s);
  Write(1, FieldsOf(1, 7, "a"));
  Round();
  EXPECT_THAT(DeadLetters(), HasSubstr(" it's"));
}

// Another replica had the same event, and more luck.
TEST_F(EventConsumerFailuresTest, LastAttemptBuriesNothingThatAnotherReplicaHasHandledMeanwhile) {
  const auto consumer = MakeConsumer(
      *reader_, {{"user.changed", [&](PostgresSession&, const events::v1::Event&) -> absl::Status {
                    return absl::DataLossError("no");
                  }}});
  const auto reader = streams_.MakeReader({kUsers}, kGroup);
  const auto other = Consumer(*reader);
  Write(1, FieldsOf(1, 7, "a"));
  // Between the attempt that fails and the transaction that counts it.
  Ask("CREATE FUNCTION handle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " INSERT INTO inbox VALUES ('consumer', 'user', 7, 1); RETURN NEW; END $$");
  Ask("CREATE TRIGGER handle BEFORE INSERT ON inbox_failures FOR EACH ROW"
      " EXECUTE FUNCTION handle()");
  EXPECT_TRUE(consumer->Round().ok());
  EXPECT_EQ(DeadLetters() + Failures(), "");
  EXPECT_EQ(Pending(), 0U);
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kOld), 1);
}

TEST_F(EventConsumerFailuresTest, RedrivenLetterHasItsEffectAndIsGone) {
  failures_["a"] = absl::DataLossError("no");
  Write(1, FieldsOf(1, 7, "a"));
  Write(2, FieldsOf(2, 7, "b", 1));
  Round();
  LookAgain();
  EXPECT_EQ(calls_["a"], 2);  // in the batch, and alone: not without an operator
  failures_.clear();
  Redrive();
  LookAgain();
  EXPECT_EQ(Effects(), "b a");
  EXPECT_EQ(DeadLetters(), "");
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kApplied), 2);
  EXPECT_EQ(log_.CountOf("dead letter redriven"), 1U);
  EXPECT_EQ(Ask("SELECT sequence FROM inbox"), "2");
}

TEST_F(EventConsumerFailuresTest, RedrivenLetterThatFailsAgainStaysWithTheNewError) {
  failures_["a"] = absl::DataLossError("no");
  Write(1, FieldsOf(1, 7, "a"));
  Round();
  failures_["a"] = absl::InternalError("still no");
  Redrive();
  LookAgain();
  LookAgain();
  EXPECT_EQ(DeadLetters(), "1-0 user.changed 2 still no");
  EXPECT_EQ(Ask("SELECT count(*) FROM dead_letters WHERE redrive_at IS NULL"), "1");
  EXPECT_EQ(Effects(), "");
  EXPECT_EQ(log_.CountOf("dead letter failed again"), 1U);
}

TEST_F(EventConsumerFailuresTest, RedrivenLetterThatIsNoEventStays) {
  Write(1, {{"type", "user.changed"}});
  Write(2, {});
  Round();
  Redrive();
  LookAgain();
  EXPECT_EQ(Ask("SELECT string_agg(attempts || ' ' || (redrive_at IS NULL), '; ')"
                " FROM dead_letters"),
            "2 true; 2 true");
}

TEST_F(EventConsumerFailuresTest, TransientFailureOfRedrivenLetterLeavesItToBeTriedAgain) {
  failures_["a"] = absl::DataLossError("no");
  Write(1, FieldsOf(1, 7, "a"));
  Round();
  failures_["a"] = absl::UnavailableError("away");
  Redrive();
  clock_.Advance(std::chrono::seconds(1));
  Write(2, FieldsOf(2, 8, "of another aggregate"));
  EXPECT_TRUE(absl::IsUnavailable(consumer_->Round()));
  EXPECT_EQ(Effects(), "of another aggregate");  // which the letter does not hold up
  EXPECT_EQ(Ask("SELECT attempts FROM dead_letters WHERE redrive_at IS NOT NULL"), "1");
  failures_["a"] = absl::AbortedError("another was quicker");
  LookAgain();
  EXPECT_EQ(DeadLetters(), "1-0 user.changed 1 no");
  failures_.clear();
  LookAgain();
  EXPECT_EQ(Effects(), "of another aggregate a");
}

// Both have read the letter; the second finds that it is the first's.
TEST_F(EventConsumerFailuresTest, TwoReplicasRedriveLetterOnce) {
  failures_["a"] = absl::DataLossError("no");
  Write(1, FieldsOf(1, 7, "a"));
  Round();
  testing::FakeStreams other_streams(clock_);  // one for each thread
  const auto other_reader = other_streams.MakeReader({kUsers}, kGroup);
  for (const bool fails : {true, false}) {
    const std::vector<ConsumedEvent> handlers = {
        {"user.changed",
         [fails](PostgresSession& session,
                 const events::v1::Event& event) -> absl::StatusOr<EventEffect> {
           static constexpr PostgresStatement kEffect = {
               "effect", "INSERT INTO effects (aggregate, payload) VALUES ($1, $2)"};
           const absl::Status written =
               session.Execute(kEffect, {event.aggregate_id, event.payload}).status();
           if (fails) return absl::InternalError("still no");
           if (!written.ok()) return written;
           return EventEffect::kApplied;
         }}};
    const auto consumer = MakeConsumer(*reader_, handlers);
    const auto other = MakeConsumer(*other_reader, handlers);
    Redrive();
    const auto results = RunBehindLock<absl::Status>(
        "SELECT * FROM dead_letters FOR UPDATE",
        {[&] { return consumer->Round(); }, [&] { return other->Round(); }});
    for (const absl::Status& result : results) EXPECT_TRUE(result.ok()) << result;
    EXPECT_EQ(DeadLetters(), fails ? "1-0 user.changed 2 still no" : "");
    EXPECT_EQ(Effects(), fails ? "" : "a");
  }
}

}  // namespace
}  // namespace scaleout
