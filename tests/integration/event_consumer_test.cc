#include "service/events/event_consumer.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/integration/event_consumer_fixture.h"

namespace scaleout {
namespace {

using ::testing::HasSubstr;

TEST_F(EventConsumerTest, AppliesEventsInTheirOrderAndAcknowledgesThem) {
  Write(1, FieldsOf(1, 7, "a"));
  Write(2, FieldsOf(2, 8, "b"));
  Write(3, FieldsOf(3, 7, "c", 1));
  Round();
  EXPECT_EQ(Effects(), "a b c");
  EXPECT_EQ(Pending(), 0U);
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kApplied), 3);
  EXPECT_EQ(Ask("SELECT string_agg(concat_ws(' ', consumer, kind, aggregate_id, sequence), '; '"
                " ORDER BY aggregate_id) FROM inbox"),
            "consumer user 7 3; consumer user 8 2");
  EXPECT_EQ(metrics_
                ->AddHistogram(
                    "inbox_lag_seconds", "",
                    {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600})
                .count(),
            3U);
}

TEST_F(EventConsumerTest, EventThatComesAgainHasItsEffectOnce) {
  Write(1, FieldsOf(1, 7, "a"));
  Write(2, FieldsOf(2, 7, "b", 1));
  Round();
  // Sent again by the publisher, within one batch with what is new, and by the streams.
  Write(3, FieldsOf(1, 7, "a"));
  Write(4, FieldsOf(2, 7, "b", 1));
  Write(5, FieldsOf(5, 7, "c", 2));
  Write(6, FieldsOf(5, 7, "c", 2));
  Round();
  streams_.Duplicate(kUsers, 2, kGroup);
  LetPausesPass();
  Round();
  EXPECT_EQ(Effects(), "a b c");
  EXPECT_EQ(Pending(), 0U);
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kOld), 4);
  EXPECT_EQ(calls_["b"], 1);
}

TEST_F(EventConsumerTest, EventThatComesBeforeItsTurnWaitsForTheOneThatItFollows) {
  Write(1, FieldsOf(12, 7, "c", 11));
  Write(2, FieldsOf(30, 8, "of another aggregate", 0));
  Write(3, FieldsOf(11, 7, "b", 10));
  Round();
  EXPECT_EQ(Effects(), "of another aggregate");
  EXPECT_EQ(Pending(), 2U);
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kGap), 2);
  for (int i = 0; i < 30; ++i) {
    LetPausesPass();
    Round();
  }
  EXPECT_EQ(DeadLetters() + Failures(), "");  // it counts no attempt
  Write(4, FieldsOf(10, 7, "a", 4));
  Write(5, FieldsOf(4, 7, "0", 0));
  for (int i = 0; i < 5; ++i) {
    Round();
    LetPausesPass();
  }
  EXPECT_EQ(Effects(), "of another aggregate 0 a b c");
  EXPECT_EQ(Pending(), 0U);
}

TEST_F(EventConsumerTest, TypeWithoutHandlerIsAcknowledgedAndMovesThePosition) {
  Write(1, FieldsOf(1, 7, "a", 0, "user.seen"));
  Write(2, FieldsOf(2, 7, "b", 1, "user.renamed"));
  Write(3, FieldsOf(3, 7, "c", 2));
  Round();
  EXPECT_EQ(Effects(), "c");
  EXPECT_EQ(Pending(), 0U);
  EXPECT_EQ(CountOf("user.seen", EventOutcome::kIgnored), 1);
  EXPECT_EQ(CountOf("other", EventOutcome::kIgnored), 1);
}

TEST_F(EventConsumerTest, EventThatFitsNothingIsAcknowledgedAndCountedAsIgnored) {
  Write(1, FieldsOf(1, 7, kMisfit));
  Round();
  EXPECT_EQ(Pending(), 0U);
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kIgnored), 1);
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kApplied), 0);
}

TEST_F(EventConsumerTest, KindsAndConsumersHavePositionsOfTheirOwn) {
  Ask("INSERT INTO inbox VALUES ('another', 'user', 7, 100), ('consumer', 'order', 7, 100)"
      " RETURNING 1");
  Write(1, FieldsOf(1, 7, "a"));
  Round();
  EXPECT_EQ(Effects(), "a");
}

TEST_F(EventConsumerTest, EntryThatIsNoEventIsDeadAtOnceAndTheOthersGoOn) {
  using namespace std::string_literals;
  std::int64_t number = 0;
  const StreamFields whole = FieldsOf(50, 7, "bad");
  for (const auto& [name, value] : whole) {
    StreamFields without = whole;
    std::erase_if(without, [&](const auto& field) { return field.first == name; });
    Write(++number, without);
    StreamFields broken = whole;
    for (auto& field : broken) {
      if (field.first == name) field.second = name == "data" ? std::string(4097, 'x') : "\0\xff"s;
    }
    Write(++number, broken);
  }
  Write(++number, {});
  Write(++number, {{"\xff\0"s, "\0"s}, {"", ""}, {"type", "user.changed"}, {"type", "x"}});
  Write(++number, FieldsOf(1, 8, "good"));
  Round();
  EXPECT_EQ(Effects(), "good");
  EXPECT_EQ(Pending(), 0U);
  EXPECT_EQ(Ask("SELECT count(*) FROM dead_letters WHERE attempts = 1"), "16");
  EXPECT_EQ(Ask("SELECT type FROM dead_letters WHERE entry_id = '16-0'"), "user.changed");
  EXPECT_EQ(Ask("SELECT type FROM dead_letters WHERE entry_id = '15-0'"), "");
  EXPECT_EQ(Ask("SELECT fields ->> 'key' FROM dead_letters WHERE entry_id = '1-0'"), "7");
  EXPECT_EQ(log_.CountOf("entries are no events, and dead letters"), 1U);
  EXPECT_EQ(log_.Find("entries are no events, and dead letters")->fields.at("count"), "16");
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kDead), 13);
}

TEST_F(EventConsumerTest, PayloadThatTheHandlerCannotReadIsDeadAtOnceAndLaterEventsGoOn) {
  failures_["a"] = absl::DataLossError("no payment");
  Write(1, FieldsOf(1, 7, "a"));
  Write(2, FieldsOf(2, 7, "b", 1));
  Round();
  EXPECT_EQ(DeadLetters(), "1-0 user.changed 1 no payment");
  EXPECT_EQ(Effects(), "b");
  EXPECT_EQ(Pending(), 0U);
  EXPECT_EQ(Failures(), "");
}

TEST_F(EventConsumerTest, EventWhoseAcknowledgementWasLostHasItsEffectOnce) {
  Write(1, FieldsOf(1, 7, "a"));
  const auto handlers = Handlers();
  const auto consumer = MakeConsumer(
      *reader_, {{"user.changed", [&](PostgresSession& session, const events::v1::Event& event) {
                    streams_.away = true;  // before the acknowledgement
                    return handlers.front().handle(session, event);
                  }}});
  EXPECT_TRUE(absl::IsUnavailable(consumer->Round()));
  EXPECT_EQ(Effects(), "a");
  EXPECT_EQ(Pending(), 1U);
  streams_.away = false;
  EXPECT_TRUE(consumer->Round().ok());
  EXPECT_EQ(Effects(), "a");
  EXPECT_EQ(Pending(), 0U);
}

// Its consumer died between the commit and the acknowledgement, or before the commit.
TEST_F(EventConsumerTest, AnotherReplicaClaimsWhatOneHasLeft) {
  Write(1, FieldsOf(1, 7, "a"));
  ASSERT_EQ(reader_->ReadNew(10, {})->size(), 1U);
  const auto reader = streams_.MakeReader({kUsers}, kGroup);
  const auto other = Consumer(*reader);
  EXPECT_TRUE(other->Round().ok());
  EXPECT_EQ(Effects(), "");
  LetPausesPass();
  EXPECT_TRUE(other->Round().ok());
  EXPECT_EQ(Effects(), "a");
  EXPECT_EQ(Pending(), 0U);
}

// Neither finds a position to lock when the aggregate is new.
TEST_F(EventConsumerTest, TwoReplicasApplyTheFirstEventsOfAnAggregateOnce) {
  const auto reader = streams_.MakeReader({kUsers}, kGroup);
  const auto other = Consumer(*reader);
  const auto handlers = Handlers();
  bool handled_elsewhere = false;
  const auto consumer = MakeConsumer(
      *reader_, {{"user.changed", [&](PostgresSession& session, const events::v1::Event& event) {
                    // Another entry with the same event, from before the publisher died.
                    if (!std::exchange(handled_elsewhere, true)) {
                      Write(3, FieldsOf(1, 7, "a"));
                      EXPECT_TRUE(other->Round().ok());
                    }
                    return handlers.front().handle(session, event);
                  }}});
  Write(1, FieldsOf(1, 7, "a"));
  Write(2, FieldsOf(2, 7, "b", 1));
  EXPECT_TRUE(consumer->Round().ok());
  EXPECT_EQ(Effects(), "a b");
  EXPECT_EQ(Pending(), 0U);
}

// By hand, or with a consumer that was removed from its group: the effect is lost, and its
// aggregate waits for it until the stream is begun anew.
TEST_F(EventConsumerTest, EventsAfterOneThatWasAcknowledgedByHandGoOnInAnotherIncarnation) {
  const auto writer = streams_.MakeWriter();
  const auto relay = MakeRelay(*writer, {.trim_interval = std::chrono::milliseconds(100)});
  const auto round = [&] {
    EXPECT_TRUE(relay->Round().ok());
    Round();
    LetPausesPass();
  };
  round();
  Add({{"user.changed", 7, "a"}, {"user.changed", 7, "b"}});
  EXPECT_TRUE(relay->Round().ok());
  const auto by_hand = streams_.MakeReader({kUsers}, kGroup);
  const std::vector<std::string> ids = {by_hand->ReadNew(1, {})->front().id};
  ASSERT_TRUE(by_hand->Acknowledge(kUsers, ids).ok());
  for (int i = 0; i < 5; ++i) round();
  EXPECT_EQ(Effects(), "");
  EXPECT_EQ(Ask("SELECT string_agg(payload, ' ') FROM outbox"), "b");
  streams_.Flush();
  for (int i = 0; i < 5; ++i) round();
  EXPECT_EQ(Effects(), "b");
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox"), "0");
}

TEST_F(EventConsumerTest, WakesTheRelayAfterEffectsBecauseTheyMayHaveAddedEvents) {
  int wakes = 0;
  outbox_.OnWake([&] { ++wakes; });
  Round();
  EXPECT_EQ(wakes, 0);
  Write(1, FieldsOf(1, 7, "a"));
  Round();
  EXPECT_EQ(wakes, 1);
}

}  // namespace
}  // namespace scaleout
