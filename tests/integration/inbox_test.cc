#include "service/events/inbox.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/integration/event_fixture.h"

namespace scaleout {
namespace {

using testing::CallFor;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kEvent[] = "00000000-0000-4000-8000-000000000001";

class InboxTest : public testing::EventFixture {
 protected:
  absl::Status Transact(const PostgresBody& body) { return pool_->Transact(CallFor(), body); }

  absl::Status Advance(const std::map<AggregateKey, InboxStep>& steps) {
    return pool_->Transact(
        CallFor(), [&](PostgresSession& session) { return inbox_.Advance(session, steps); });
  }

  std::map<AggregateKey, std::int64_t> Positions(const std::set<AggregateKey>& aggregates) {
    std::map<AggregateKey, std::int64_t> positions;
    const absl::Status read = Transact([&](PostgresSession& session) -> absl::Status {
      auto found = inbox_.ReadPositions(session, aggregates);
      if (!found.ok()) return found.status();
      positions = *std::move(found);
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return positions;
  }

  const Inbox inbox_{"consumer"};
};

TEST_F(InboxTest, PositionsMoveForwardOnlyAndBeginOnce) {
  ASSERT_TRUE(Advance({{{"user", 1}, {0, 5}}, {{"user", 2}, {0, 7}}, {{"order", 1}, {0, 9}}}).ok());
  EXPECT_TRUE(Advance({}).ok());
  EXPECT_TRUE(Advance({{{"user", 1}, {5, 6}}}).ok());
  EXPECT_TRUE(absl::IsAborted(Advance({{{"user", 1}, {6, 6}}})));
  EXPECT_TRUE(absl::IsAborted(Advance({{{"user", 1}, {0, 8}}})));
  EXPECT_TRUE(absl::IsAborted(Advance({{{"user", 2}, {7, 8}}, {{"user", 1}, {6, 2}}})));
  EXPECT_THAT(Positions({{"user", 1}, {"user", 2}, {"order", 1}, {"order", 2}}),
              ElementsAre(Pair(AggregateKey("order", 1), 9), Pair(AggregateKey("user", 1), 6),
                          Pair(AggregateKey("user", 2), 7)));
  EXPECT_TRUE(Positions({}).empty());
}

TEST_F(InboxTest, PausesDoubleFromATenthOfASecondToTenSeconds) {
  static constexpr PostgresStatement kPause = {
      "pause",
      "SELECT (date_part('epoch', retry_at - clock_timestamp()) * 1000)::bigint AS ms"
      " FROM inbox_failures"};
  const absl::Status status = Transact([&](PostgresSession& session) -> absl::Status {
    double expected_ms = 100;
    for (int attempt = 1; attempt <= 12; ++attempt) {
      EXPECT_EQ(inbox_.CountFailure(session, kEvent, "no").value(), attempt);
      const auto pause =
          session.FindRow(kPause, {}, [](const PostgresRow& row) { return row.Int64("ms"); });
      if (!pause.ok()) return pause.status();
      EXPECT_LE(pause->value(), expected_ms);
      if (expected_ms > 1000) {
        EXPECT_GT(pause->value(), expected_ms * 0.6) << attempt;
      }
      expected_ms = std::min(2 * expected_ms, 10'000.0);
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(InboxTest, SaysOfFailedEventsWhetherTheirPauseIsOver) {
  const std::string other = "00000000-0000-4000-8000-000000000002";
  for (const std::string& id : {std::string(kEvent), other}) {
    ASSERT_TRUE(Transact([&](PostgresSession& session) {
                  return inbox_.CountFailure(session, id, "no").status();
                }).ok());
  }
  Ask("UPDATE inbox_failures SET retry_at = now() + CASE WHEN event_id = '" + other +
      "' THEN interval '1 hour' ELSE interval '-1 second' END RETURNING 1");
  Ask("INSERT INTO inbox_failures VALUES ('another', '00000000-0000-4000-8000-000000000003', 1,"
      " now(), '') RETURNING 1");
  EXPECT_THAT(
      inbox_
          .ReadFailures(CallFor(), *pool_, {kEvent, other, "00000000-0000-4000-8000-000000000003"})
          .value(),
      UnorderedElementsAre(Pair(kEvent, true), Pair(other, false)));
  const absl::Status forgotten = pool_->Transact(CallFor(), [&](PostgresSession& session) {
    return inbox_.ForgetFailures(session, {kEvent});
  });
  ASSERT_TRUE(forgotten.ok()) << forgotten;
  EXPECT_EQ(Ask("SELECT string_agg(right(event_id::text, 1), ' ' ORDER BY event_id)"
                " FROM inbox_failures"),
            "2 3");
}

TEST_F(InboxTest, LetterIsBuriedOnceAndReadWithItsFieldsInTheirOrder) {
  const DeadLetter letter{"s", "1-0", {{"z", "1"}, {"a", "2"}, {"z", "3"}}, "t", 1, "e"};
  const DeadLetter empty{"s", "2-0", {}, "", 1, "e"};
  for (const DeadLetter& buried : {letter, empty, letter}) {
    ASSERT_TRUE(
        Transact([&](PostgresSession& session) { return inbox_.Bury(session, buried); }).ok());
  }
  EXPECT_TRUE(inbox_.ReadRedriven(CallFor(), *pool_, 10)->empty());
  Ask("UPDATE dead_letters SET redrive_at = now() RETURNING 1");
  const auto letters = inbox_.ReadRedriven(CallFor(), *pool_, 10);
  ASSERT_EQ(letters->size(), 2U);
  EXPECT_EQ(letters->at(0).fields, letter.fields);
  EXPECT_TRUE(letters->at(1).fields.empty());
  EXPECT_EQ(inbox_.ReadRedriven(CallFor(), *pool_, 1)->size(), 1U);
  EXPECT_TRUE(Inbox("another").ReadRedriven(CallFor(), *pool_, 10)->empty());
}

}  // namespace
}  // namespace scaleout
