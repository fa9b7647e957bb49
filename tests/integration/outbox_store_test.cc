#include "service/events/outbox_store.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/integration/event_fixture.h"

namespace scaleout {
namespace {

using testing::CallFor;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class OutboxStoreTest : public testing::EventFixture {
 protected:
  absl::Status Transact(const PostgresBody& body) { return pool_->Transact(CallFor(), body); }

  void BeginIncarnationOf(const std::string& kind, const std::string& incarnation) {
    const absl::Status begun = Transact([&](PostgresSession& session) -> absl::Status {
      const auto forgotten = ForgetPublished(session, kind, 1000);
      if (!forgotten.ok()) return forgotten.status();
      return StoreIncarnation(session, kind, incarnation);
    });
    ASSERT_TRUE(begun.ok()) << begun;
  }

  // Marks all that there is, and answers it.
  std::vector<UnpublishedEvent> Publish(int limit = 100) {
    std::vector<UnpublishedEvent> published;
    const absl::Status status = Transact([&](PostgresSession& session) -> absl::Status {
      auto events = ReadUnpublished(session, {"user", "order"}, 0, limit);
      if (!events.ok()) return events.status();
      published = *std::move(events);
      return MarkPublished(session, published);
    });
    EXPECT_TRUE(status.ok()) << status;
    return published;
  }

  std::int64_t Delete(const std::string& incarnation, std::int64_t number, int limit = 100) {
    return DeleteAcknowledged(CallFor(), *pool_, "user", incarnation, number, limit).value();
  }

  std::string Payloads(const std::string& where) {
    return Ask("SELECT coalesce(string_agg(payload, ' ' ORDER BY id), '') FROM outbox WHERE " +
               where);
  }
};

TEST_F(OutboxStoreTest, NumbersRiseWithTheSequencesAndOverBatches) {
  for (int i = 0; i < 20; ++i) Add({{i % 2 == 0 ? "user.changed" : "order.changed", 20 - i, "p"}});
  std::int64_t sequence = 0;
  std::int64_t number = 0;
  for (int batch = 0; batch < 4; ++batch) {
    const auto events = Publish(6);
    EXPECT_EQ(events.size(), batch < 3 ? 6U : 2U);
    for (const UnpublishedEvent& event : events) {
      EXPECT_GT(event.event.sequence, sequence);
      EXPECT_GT(event.number, number);
      EXPECT_EQ(event.kind + ".changed", event.event.type);
      sequence = event.event.sequence;
      number = event.number;
    }
  }
  EXPECT_TRUE(Publish().empty());
}

TEST_F(OutboxStoreTest, ReadsOnlyTheKindsThatItIsAskedFor) {
  Add({{"user.changed", 1, "a"}, {"order.changed", 1, "b"}});
  const absl::Status status = Transact([&](PostgresSession& session) -> absl::Status {
    const auto events = ReadUnpublished(session, {"order"}, 0, 100);
    EXPECT_EQ(events.value().size(), 1U);
    EXPECT_EQ(events->front().event.payload, "b");
    EXPECT_TRUE(ReadUnpublished(session, {}, 0, 100).value().empty());
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(OutboxStoreTest, DeletesUpToTheNumberInChunks) {
  BeginIncarnationOf("user", "1:a");
  Add({{"user.changed", 1, "a"}, {"user.changed", 1, "b"}, {"order.changed", 1, "x"}});
  Add({{"user.changed", 1, "c"}, {"user.changed", 1, "d"}});
  const auto published = Publish();
  Add({{"user.changed", 1, "e"}});
  EXPECT_EQ(Delete("1:a", published.front().number - 1), 0);
  EXPECT_EQ(Delete("1:a", published[3].number, 2), 2);
  EXPECT_EQ(Payloads("true"), "x c d e");  // the oldest first
  EXPECT_EQ(Delete("1:a", published[3].number, 2), 1);
  EXPECT_EQ(Delete("1:a", 9'000'000), 1);
  EXPECT_EQ(Payloads("true"), "x e");
}

TEST_F(OutboxStoreTest, DeletesNothingThatWasAcknowledgedInAnotherIncarnation) {
  BeginIncarnationOf("user", "1:a");
  Add({{"user.changed", 1, "a"}});
  const std::int64_t number = Publish().front().number;
  EXPECT_EQ(Delete("1:b", number), 0);
  EXPECT_EQ(Delete("", number), 0);
  BeginIncarnationOf("user", "2:a");
  const std::int64_t again = Publish().front().number;
  EXPECT_EQ(Delete("1:a", again), 0);
  EXPECT_EQ(Delete("2:a", again), 1);
}

TEST_F(OutboxStoreTest, NewIncarnationTakesTheNumbersOfItsKindOnly) {
  BeginIncarnationOf("user", "1:a");
  BeginIncarnationOf("order", "1:b");
  Add({{"user.changed", 1, "a"}, {"order.changed", 1, "b"}, {"user.changed", 2, "c"}});
  const auto first = Publish();
  BeginIncarnationOf("user", "1:c");
  EXPECT_EQ(Payloads("number IS NULL"), "a c");
  EXPECT_THAT(ReadIncarnations(CallFor(), *pool_).value(),
              UnorderedElementsAre(Pair("user", "1:c"), Pair("order", "1:b")));
  EXPECT_GT(Publish().front().number, first.back().number);
}

TEST_F(OutboxStoreTest, NewIncarnationUsesNoNumberThatTheOneBeforeMayHaveUsed) {
  // The crash of a server takes back numbers that it gave in transactions that had not reached the
  // disk.
  Ask("SELECT setval('outbox_numbers', 500)");
  BeginIncarnationOf("user", "two");
  EXPECT_EQ(Ask("SELECT last_value >= 1000500 FROM outbox_numbers"), "t");
}

TEST_F(OutboxStoreTest, ForgetsAtMostTheLimit) {
  for (int i = 1; i <= 5; ++i) Add({{"user.changed", i, "p"}});
  Publish();
  std::vector<std::int64_t> forgotten;
  const absl::Status status = Transact([&](PostgresSession& session) -> absl::Status {
    for (int i = 0; i < 4; ++i) forgotten.push_back(ForgetPublished(session, "user", 2).value());
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(forgotten, ::testing::ElementsAre(2, 2, 1, 0));
}

TEST_F(OutboxStoreTest, RaisesNumbersButNeverLowersThem) {
  ASSERT_TRUE(RaiseNumbers(CallFor(), *pool_, 50).ok());
  Add({{"user.changed", 1, "a"}});
  EXPECT_EQ(Publish().front().number, 51);
  ASSERT_TRUE(RaiseNumbers(CallFor(), *pool_, 20).ok());
  Add({{"user.changed", 1, "b"}});
  EXPECT_EQ(Publish().front().number, 52);
}

TEST_F(OutboxStoreTest, FiguresOfAnEmptyOutboxAreZero) {
  const OutboxFigures figures = ReadOutboxFigures(CallFor(), *pool_).value();
  EXPECT_EQ(figures.unpublished, 0);
  EXPECT_EQ(figures.published, 0);
  EXPECT_EQ(figures.dead, 0);
  EXPECT_EQ(figures.oldest_age_seconds, 0);
}

// A clock that was set back.
TEST_F(OutboxStoreTest, AgeOfAnEventFromTheFutureIsZero) {
  Add({{"user.changed", 1, "a"}});
  Ask("UPDATE outbox SET created_at = now() + interval '1 hour' RETURNING 1");
  EXPECT_EQ(ReadOutboxFigures(CallFor(), *pool_)->oldest_age_seconds, 0);
}

}  // namespace
}  // namespace scaleout
