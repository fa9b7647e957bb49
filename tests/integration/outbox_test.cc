#include "service/events/outbox.h"

#include <string>
#include <vector>

#include "proto/scaleout/events/v1/event.h"
#include "services/user/schema.h"
#include "tests/integration/pool_fixture.h"

namespace scaleout {
namespace {

using testing::CallFor;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr PostgresStatement kFail = {"fail", "SELECT 1 / 0 AS n"};

class OutboxTest : public testing::PoolFixture {
 protected:
  OutboxTest() {
    outbox_.OnWake([this] { committed_at_wakes_.push_back(Ask("SELECT count(*) FROM outbox")); });
  }

  absl::Status Add(const std::vector<OutgoingEvent>& events) {
    return outbox_.Transact(CallFor(),
                            [&](PostgresSession& session) { return outbox_.Add(session, events); });
  }

  // "type aggregate payload", in the order of the ids.
  std::string Events() {
    return Ask(
        "SELECT string_agg(type || ' ' || aggregate_id || ' ' || payload, '; ' ORDER BY id)"
        " FROM outbox");
  }

  const std::unique_ptr<PostgresPool> pool_ = MakePool(user::Schema());
  Outbox outbox_{*pool_,
                 {{"user", {"user.changed", "user.closed"}, {"api-gateway"}},
                  {"order", {"order.changed"}, {"api-gateway"}}}};
  // How many events were committed when the outbox woke the relay.
  std::vector<std::string> committed_at_wakes_;
};

TEST_F(OutboxTest, EventsAreCommittedWithTheTransaction) {
  const absl::Status status =
      outbox_.Transact(CallFor(), [&](PostgresSession& session) -> absl::Status {
        const absl::Status added = outbox_.Add(session, {{"user.changed", 7, R"({"userId":"7"})"}});
        EXPECT_EQ(Ask("SELECT count(*) FROM outbox"), "0");
        return added;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(Events(), R"(user.changed 7 {"userId":"7"})");
  EXPECT_EQ(Ask("SELECT kind || ' ' || (number IS NULL) || ' ' ||"
                " (now() - created_at < interval '1 minute') FROM outbox"),
            "user true true");
}

TEST_F(OutboxTest, EventsAreRolledBackWithTheTransaction) {
  const absl::Status refused =
      outbox_.Transact(CallFor(), [&](PostgresSession& session) -> absl::Status {
        EXPECT_TRUE(outbox_.Add(session, {{"user.changed", 7, "{}"}}).ok());
        return absl::NotFoundError("there is no user 7");
      });
  EXPECT_TRUE(absl::IsNotFound(refused)) << refused;
  const absl::Status failed =
      outbox_.Transact(CallFor(), [&](PostgresSession& session) -> absl::Status {
        EXPECT_TRUE(outbox_.Add(session, {{"user.changed", 7, "{}"}}).ok());
        EXPECT_FALSE(session.Execute(kFail).ok());
        return absl::OkStatus();
      });
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox"), "0");
}

TEST_F(OutboxTest, IdsRiseInTheOrderInWhichEventsWereAdded) {
  const absl::Status status =
      outbox_.Transact(CallFor(), [&](PostgresSession& session) -> absl::Status {
        const absl::Status first =
            outbox_.Add(session, {{"user.closed", 9, "1"}, {"order.changed", 3, "2"}});
        if (!first.ok()) return first;
        return outbox_.Add(
            session,
            {{"user.changed", 9, "3"}, {"user.changed", 1, "4"}, {"user.changed", 9, "5"}});
      });
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_TRUE(Add({{"user.changed", 5, "6"}}).ok());
  EXPECT_EQ(Events(),
            "user.closed 9 1; order.changed 3 2; user.changed 9 3; user.changed 1 4;"
            " user.changed 9 5; user.changed 5 6");
  EXPECT_EQ(Ask("SELECT count(DISTINCT event_id) FROM outbox"), "6");
}

TEST_F(OutboxTest, TypeThatTheServiceDoesNotDeclareIsInternalAndAddsNothing) {
  for (const char* type : {"user.renamed", "user", "", "payment.changed"}) {
    const absl::Status added = Add({{"user.changed", 1, "{}"}, {type, 1, "{}"}});
    EXPECT_TRUE(absl::IsInternal(added)) << type << ": " << added;
  }
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox"), "0");
}

TEST_F(OutboxTest, PayloadOfTheGreatestSizeIsTakenAndALargerOneIsInternal) {
  const std::string largest(events::v1::kMaxPayloadBytes, 'x');
  EXPECT_TRUE(Add({{"user.changed", 1, largest}}).ok());
  const absl::Status larger = Add({{"user.changed", 2, largest + "x"}});
  EXPECT_TRUE(absl::IsInternal(larger)) << larger;
  // Payloads may hold what must not be in a log.
  EXPECT_THAT(std::string(larger.message()), ::testing::Not(HasSubstr("xxx")));
  EXPECT_EQ(Ask("SELECT string_agg(aggregate_id::text, ' ') FROM outbox"), "1");
}

TEST_F(OutboxTest, AddingNoEventsAddsNone) {
  EXPECT_TRUE(Add({}).ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox"), "0");
}

TEST_F(OutboxTest, WakesTheRelayOnceTheTransactionIsCommitted) {
  ASSERT_TRUE(Add({{"user.changed", 1, "{}"}}).ok());
  ASSERT_TRUE(Add({{"user.changed", 1, "{}"}, {"user.changed", 2, "{}"}}).ok());
  EXPECT_THAT(committed_at_wakes_, ::testing::ElementsAre("1", "3"));
}

TEST_F(OutboxTest, WakesTheRelayAlsoAfterAnErrorBecauseTheCommitMayHaveBeenMade) {
  const auto fail = [](PostgresSession&) { return absl::NotFoundError("no"); };
  EXPECT_TRUE(absl::IsNotFound(outbox_.Transact(CallFor(), fail)));
  EXPECT_THAT(committed_at_wakes_, ::testing::ElementsAre("0"));
}

TEST_F(OutboxTest, AddDoesNotWakeTheRelayBeforeTheCommit) {
  const absl::Status status =
      pool_->Transact(CallFor(), [&](PostgresSession& session) -> absl::Status {
        return outbox_.Add(session, {{"user.changed", 1, "{}"}});
      });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(committed_at_wakes_, IsEmpty());
  outbox_.Wake();
  EXPECT_THAT(committed_at_wakes_, ::testing::ElementsAre("1"));
}

TEST_F(OutboxTest, NeedsNoRelay) {
  Outbox alone(*pool_, {{"user", {"user.changed"}, {}}});
  const absl::Status status = alone.Transact(CallFor(), [&](PostgresSession& session) {
    return alone.Add(session, {{"user.changed", 1, "{}"}});
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox"), "1");
}

}  // namespace
}  // namespace scaleout
