#include "service/events/event_relay.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/integration/event_fixture.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::AheadClock;
using testing::Eventually;

constexpr char kUsers[] = "events:user";
constexpr char kOrders[] = "events:order";

// Counts how often entries were to be appended.
class CountingWriter final : public StreamWriter {
 public:
  explicit CountingWriter(StreamWriter& writer) : writer_(writer) {}

  absl::StatusOr<std::string> Begin(const std::string& stream,
                                    std::span<const std::string> groups) override {
    return writer_.Begin(stream, groups);
  }
  absl::StatusOr<AppendAnswer> Append(const std::string& stream, const std::string& incarnation,
                                      std::int64_t max_length,
                                      std::span<const NumberedEntry> entries) override {
    ++appends;
    return writer_.Append(stream, incarnation, max_length, entries);
  }
  absl::StatusOr<TrimAnswer> TrimAcknowledged(const std::string& stream,
                                              const std::string& incarnation,
                                              std::span<const std::string> groups) override {
    return writer_.TrimAcknowledged(stream, incarnation, groups);
  }

  int appends = 0;

 private:
  StreamWriter& writer_;
};

class EventRelayTest : public testing::EventFixture {
 protected:
  // A consumer that acknowledges all that there is.
  void AcknowledgeAll(const std::string& stream) {
    const auto reader = streams_.MakeReader({stream}, "consumer");
    const auto entries = reader->ReadNew(1'000'000, 0s);
    ASSERT_TRUE(entries.ok()) << entries.status();
    std::vector<std::string> ids;
    for (const StreamEntry& entry : *entries) ids.push_back(entry.id);
    ASSERT_TRUE(reader->Acknowledge(stream, ids).ok());
  }

  events::v1::Event EventAt(const std::string& stream, std::size_t index) {
    const auto numbers = streams_.Numbers(stream);
    EXPECT_LT(index, numbers.size());
    return events::v1::ParseEvent(streams_.Fields(stream, numbers.at(index))).value();
  }

  // Of an instance that is `ahead`.
  void RoundAfter(EventRelay& relay, Duration ahead) {
    clock_.Advance(ahead);
    const absl::Status status = relay.Round();
    EXPECT_TRUE(status.ok()) << status;
  }

  std::string Rows() { return Ask("SELECT count(*) FROM outbox"); }
  std::string LastNumber() { return Ask("SELECT last_value FROM outbox_numbers"); }

  const std::unique_ptr<StreamWriter> writer_ = streams_.MakeWriter();
  const std::unique_ptr<EventRelay> relay_ = MakeRelay(*writer_);
};

TEST_F(EventRelayTest, PublishesEachKindInItsStreamInTheOrderOfTheSequences) {
  Add({{"user.changed", 7, "a"}, {"order.changed", 7, "b"}, {"user.seen", 9, "c"}});
  Add({{"user.seen", 7, "d"}});
  RoundAfter(*relay_, 0s);
  EXPECT_EQ(Entries(kUsers), "user.changed 7 a; user.seen 9 c; user.seen 7 d");
  EXPECT_EQ(Entries(kOrders), "order.changed 7 b");
  const events::v1::Event event = EventAt(kUsers, 0);
  EXPECT_EQ(event.id, Ask("SELECT event_id FROM outbox WHERE payload = 'a'"));
  EXPECT_EQ(std::to_string(event.sequence), Ask("SELECT id FROM outbox WHERE payload = 'a'"));
  EXPECT_EQ(std::to_string(event.created_us),
            Ask("SELECT (extract(epoch FROM created_at) * 1000000)::bigint FROM outbox"
                " WHERE payload = 'a'"));
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox WHERE number IS NULL"), "0");
  RoundAfter(*relay_, 0s);
  EXPECT_EQ(streams_.length(kUsers), 3U);  // once
  EXPECT_EQ(CountOf("user.seen", EventOutcome::kPublished), 2);
}

TEST_F(EventRelayTest, PublishesInOneRoundWhatIsMoreThanABatch) {
  std::vector<OutgoingEvent> events;
  std::string expected;
  for (int i = 0; i < 10; ++i) {
    events.push_back({"user.changed", 1 + i % 2, std::to_string(i)});
    expected += (i == 0 ? "user.changed " : "; user.changed ") + std::to_string(1 + i % 2) + " " +
                std::to_string(i);
  }
  Add(events);
  RoundAfter(*MakeRelay(*writer_, {.batch = 3}), 0s);
  EXPECT_EQ(Entries(kUsers), expected);
}

TEST_F(EventRelayTest, SaysWhichEventComesBeforeWhileThatIsInTheOutbox) {
  RoundAfter(*relay_, 0s);
  Add({{"user.changed", 7, "a"}, {"user.changed", 8, "b"}, {"user.changed", 7, "c"}});
  Add({{"order.changed", 7, "of another kind"}, {"user.changed", 7, "d"}});
  RoundAfter(*relay_, 0s);
  EXPECT_EQ(EventAt(kUsers, 0).after, 0);
  EXPECT_EQ(EventAt(kUsers, 1).after, 0);
  EXPECT_EQ(EventAt(kUsers, 2).after, EventAt(kUsers, 0).sequence);
  EXPECT_EQ(EventAt(kUsers, 3).after, EventAt(kUsers, 2).sequence);
  Add({{"user.changed", 8, "e"}});
  RoundAfter(*relay_, 0s);
  EXPECT_EQ(EventAt(kUsers, 4).after, EventAt(kUsers, 1).sequence);  // published, not acknowledged
  AcknowledgeAll(kUsers);
  RoundAfter(*relay_, 1s);
  Add({{"user.changed", 7, "f"}});
  RoundAfter(*relay_, 0s);
  EXPECT_EQ(EventAt(kUsers, 0).payload, "f");
  EXPECT_EQ(EventAt(kUsers, 0).after, 0);
}

TEST_F(EventRelayTest, DeletesInChunksWhatEveryGroupHasAcknowledged) {
  const auto relay = MakeRelay(*writer_, {.trim_interval = 10min, .row_batch = 2});
  Add({{"user.changed", 1, "a"}, {"user.changed", 1, "b"}, {"user.changed", 1, "c"}});
  Add({{"user.changed", 2, "d"}, {"user.changed", 2, "e"}, {"order.changed", 2, "f"}});
  RoundAfter(*relay, 0s);
  AcknowledgeAll(kUsers);
  RoundAfter(*relay, 0ms);
  EXPECT_EQ(Rows(), "6");  // it is not due
  Add({{"user.changed", 1, "g"}});
  RoundAfter(*relay, 10min);
  EXPECT_EQ(Ask("SELECT string_agg(payload, ' ' ORDER BY payload) FROM outbox"), "f g");
  EXPECT_EQ(Entries(kUsers), "user.changed 1 g");
}

TEST_F(EventRelayTest, LeavesEventsOfKindsThatTheServiceDoesNotDeclare) {
  Ask("INSERT INTO outbox (kind, aggregate_id, type, payload) VALUES ('old', 1, 'old.changed', '')"
      " RETURNING 1");
  Add({{"user.changed", 1, "a"}});
  RoundAfter(*MakeRelay(*writer_, {.batch = 1}), 0s);
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a");
  EXPECT_EQ(Ask("SELECT kind FROM outbox WHERE number IS NULL"), "old");
}

TEST_F(EventRelayTest, FullStreamHoldsOnlyItsOwnKindAndGoesOnWhenThereIsRoom) {
  const auto relay = MakeRelay(*writer_, {.batch = 4, .max_length = 10});
  std::vector<OutgoingEvent> events(20, {"user.changed", 1, "u"});
  events.push_back({"order.changed", 2, "last"});
  Add(events);
  RoundAfter(*relay, 0s);
  EXPECT_EQ(streams_.length(kUsers), 8U);
  EXPECT_EQ(Entries(kOrders), "order.changed 2 last");
  RoundAfter(*relay, 1s);
  EXPECT_EQ(streams_.length(kUsers), 8U);
  EXPECT_EQ(log_.CountOf("stream is full: a group of consumers is behind, events wait in the"
                         " database"),
            1U);
  EXPECT_EQ(log_.CountOf("stream has room again"), 0U);

  AcknowledgeAll(kUsers);
  RoundAfter(*relay, 50ms);  // it looks more often while a stream is full
  EXPECT_EQ(streams_.length(kUsers), 8U);
  EXPECT_EQ(log_.CountOf("stream has room again"), 1U);
  AcknowledgeAll(kUsers);
  RoundAfter(*relay, 50ms);
  EXPECT_EQ(streams_.length(kUsers), 4U);
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox WHERE number IS NULL"), "0");
}

TEST_F(EventRelayTest, RaisesItsNumbersAboveTheStreamsAndPublishesInTheSameRound) {
  CountingWriter writer(*writer_);
  const auto relay = MakeRelay(writer);
  RoundAfter(*relay, 0s);
  streams_.AddByHand(kUsers, 9'000'000, {});
  Add({{"user.changed", 1, "a"}, {"order.changed", 1, "b"}});
  RoundAfter(*relay, 0s);
  EXPECT_EQ(writer.appends, 3);  // one of each kind, and the refused one again
  EXPECT_GT(streams_.last(kUsers), 9'000'000);
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox WHERE number > 9000000 AND kind = 'user'"), "1");
  EXPECT_EQ(streams_.length(kOrders), 1U);
  EXPECT_LT(std::stoi(LastNumber()), 9'000'010);
}

TEST_F(EventRelayTest, PublishesAgainUnderHigherNumbersWhatItCouldNotMark) {
  RoundAfter(*relay_, 0s);
  Add({{"user.changed", 1, "a"}, {"user.changed", 1, "b"}});
  streams_.on_append = [this] {
    streams_.on_append = [] {};
    EndIdleTransactions();
  };
  EXPECT_FALSE(relay_->Round().ok());
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kPublished), 0);
  EXPECT_TRUE(Eventually([&] { return relay_->Round().ok(); }));
  ASSERT_EQ(Entries(kUsers),
            "user.changed 1 a; user.changed 1 b; user.changed 1 a; user.changed 1 b");
  EXPECT_EQ(EventAt(kUsers, 0).id, EventAt(kUsers, 2).id);
  EXPECT_EQ(Ask("SELECT max(number) FROM outbox"), std::to_string(streams_.last(kUsers)));
  EXPECT_EQ(CountOf("user.changed", EventOutcome::kPublished), 2);
  // The copies are acknowledged too before the rows are deleted.
  AcknowledgeAll(kUsers);
  RoundAfter(*relay_, 1s);
  EXPECT_EQ(Rows(), "0");
  EXPECT_EQ(streams_.length(kUsers), 0U);
}

TEST_F(EventRelayTest, BeginsFlushedStreamAnewWithAllThatWasNotAcknowledged) {
  Add({{"user.changed", 1, "a"}, {"user.changed", 1, "b"}, {"order.changed", 1, "c"}});
  RoundAfter(*relay_, 0s);
  AcknowledgeAll(kOrders);
  RoundAfter(*relay_, 1s);
  EXPECT_EQ(log_.CountOf("stream begun"), 2U);
  const std::string id = EventAt(kUsers, 0).id;
  streams_.Flush();
  Add({{"user.changed", 1, "d"}});
  RoundAfter(*relay_, 0s);  // at once where there is something to publish
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a; user.changed 1 b; user.changed 1 d");
  EXPECT_EQ(EventAt(kUsers, 0).id, id);
  RoundAfter(*relay_, 1s);
  EXPECT_EQ(Entries(kOrders), "");
  EXPECT_EQ(log_.CountOf("stream begun anew: what it had may be lost"), 2U);
}

TEST_F(EventRelayTest, AfterRestartOfTheServerSendsAgainWhatWasNotAcknowledged) {
  Add({{"user.changed", 1, "a"}, {"user.changed", 1, "b"}});
  RoundAfter(*relay_, 0s);
  streams_.Restart(1);
  RoundAfter(*relay_, 1s);  // nothing is new
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a; user.changed 1 b");
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox WHERE number IS NULL"), "0");
}

// What the first has appended but not marked is not the second's to publish.
TEST_F(EventRelayTest, SecondRelayWaitsForTheFirstAndPublishesNothingTwice) {
  RoundAfter(*relay_, 0s);
  const auto writer = streams_.MakeWriter();
  // The fake is for one thread: the second does not ask it while the first does.
  const auto other = MakeRelay(*writer, {.trim_interval = 10min});
  RoundAfter(*other, 0s);
  Add({{"user.changed", 1, "a"}});
  std::future<absl::Status> second;
  streams_.on_append = [&] {
    streams_.on_append = [] {};
    second = std::async(std::launch::async, [&] { return other->Round(); });
    EXPECT_TRUE(Eventually([&] {
      return Ask("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                 " AND wait_event_type = 'Lock'") == "1";
    }));
  };
  RoundAfter(*relay_, 0s);
  EXPECT_TRUE(second.get().ok());
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a");
}

// It holds the lock until PostgreSQL ends its session.
TEST_F(EventRelayTest, AnotherRelayGoesOnFiveSecondsAfterOneWasFrozen) {
  RoundAfter(*relay_, 0s);
  const auto writer = streams_.MakeWriter();
  const auto other = MakeRelay(*writer);
  Add({{"user.changed", 1, "a"}});
  const MonotonicTime start = SystemClock().Now();
  streams_.on_append = [&] {
    streams_.on_append = [] {};
    EXPECT_TRUE(Eventually([&] { return other->Round().ok(); }));
  };
  EXPECT_FALSE(relay_->Round().ok());
  EXPECT_LT(SystemClock().Now() - start, 15s);
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a; user.changed 1 a");
  EXPECT_EQ(Ask("SELECT number FROM outbox"), std::to_string(streams_.last(kUsers)));
}

}  // namespace
}  // namespace scaleout
