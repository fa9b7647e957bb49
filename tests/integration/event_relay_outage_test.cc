#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <vector>

#include "service/events/event_relay.h"
#include "tests/integration/event_fixture.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;

constexpr char kUsers[] = "events:user";

class EventRelayOutageTest : public testing::EventFixture {
 protected:
  std::string LastNumber() { return Ask("SELECT last_value FROM outbox_numbers"); }

  double GaugeOf(const std::string& name) { return metrics_->AddGauge(name, "").value(); }

  const std::unique_ptr<StreamWriter> writer_ = streams_.MakeWriter();
  const std::unique_ptr<EventRelay> relay_ = MakeRelay(*writer_);
};

TEST_F(EventRelayOutageTest, OpensNoTransactionAgainBeforeTheServerAnswers) {
  ASSERT_TRUE(relay_->Round().ok());
  Add({{"user.changed", 1, "a"}});
  streams_.away = true;
  EXPECT_TRUE(absl::IsUnavailable(relay_->Round()));
  const std::string drawn = LastNumber();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(absl::IsUnavailable(relay_->Round()));
  EXPECT_EQ(LastNumber(), drawn);
  streams_.away = false;
  EXPECT_TRUE(relay_->Round().ok());
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a");
}

TEST_F(EventRelayOutageTest, FiguresGoOnWhileTheServerIsAway) {
  ASSERT_TRUE(relay_->Round().ok());
  Add({{"user.changed", 1, "a"}, {"order.changed", 1, "b"}});
  ASSERT_TRUE(relay_->Round().ok());
  streams_.away = true;
  Add({{"user.changed", 1, "c"}});
  Ask("UPDATE outbox SET created_at = now() - interval '90 seconds' WHERE payload = 'c'"
      " RETURNING 1");
  Ask("INSERT INTO dead_letters (consumer, stream, entry_id, fields, type, attempts, error)"
      " VALUES ('consumer', 's', '1-0', '{}', 't', 1, 'e') RETURNING 1");
  clock_.Advance(1s);
  EXPECT_FALSE(relay_->Round().ok());
  EXPECT_EQ(GaugeOf("outbox_pending"), 1);
  EXPECT_EQ(GaugeOf("outbox_unacknowledged"), 2);
  EXPECT_EQ(GaugeOf("outbox_dead"), 1);
  EXPECT_GE(GaugeOf("outbox_oldest_age_seconds"), 90);
  EXPECT_LT(GaugeOf("outbox_oldest_age_seconds"), 120);
  streams_.away = false;
  ASSERT_TRUE(relay_->Round().ok());
  clock_.Advance(1s);
  ASSERT_TRUE(relay_->Round().ok());
  EXPECT_EQ(GaugeOf("outbox_pending"), 0);
  EXPECT_EQ(GaugeOf("outbox_unacknowledged"), 3);
  EXPECT_EQ(GaugeOf("outbox_oldest_age_seconds"), 0);
}

// They were appended: the marks are lost, or stand.
TEST_F(EventRelayOutageTest, PublishesAgainWhenTheReplyIsLost) {
  ASSERT_TRUE(relay_->Round().ok());
  Add({{"user.changed", 1, "a"}});
  streams_.lose_next_reply = true;
  EXPECT_TRUE(absl::IsDeadlineExceeded(relay_->Round()));
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a");
  EXPECT_TRUE(relay_->Round().ok());
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a; user.changed 1 a");
}

TEST_F(EventRelayOutageTest, BeginsAgainWhenTheReplyToBeginIsLost) {
  Add({{"user.changed", 1, "a"}});
  streams_.lose_next_reply = true;
  EXPECT_FALSE(relay_->Round().ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox_streams"), "0");
  EXPECT_TRUE(relay_->Round().ok());
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a");
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox_streams"), "2");
}

// What one stream has taken is marked although another's server has gone meanwhile.
TEST_F(EventRelayOutageTest, MarksWhatWasAppendedBeforeTheServerWentAway) {
  ASSERT_TRUE(relay_->Round().ok());
  Add({{"order.changed", 1, "b"}, {"user.changed", 1, "a"}});
  streams_.on_append = [this] { streams_.away = true; };
  EXPECT_TRUE(absl::IsUnavailable(relay_->Round()));
  EXPECT_EQ(Ask("SELECT string_agg(payload, ' ') FROM outbox WHERE number IS NOT NULL"), "a");
  streams_.on_append = [] {};
  streams_.away = false;
  EXPECT_TRUE(relay_->Round().ok());
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a");
  EXPECT_EQ(Entries("events:order"), "order.changed 1 b");
}

TEST_F(EventRelayOutageTest, EndsAfterTheBatchWhenItIsToStop) {
  const auto relay = MakeRelay(*writer_, {.batch = 2});
  ASSERT_TRUE(relay->Round().ok());
  Add(std::vector<OutgoingEvent>(7, {"user.changed", 1, "a"}));
  streams_.on_append = [this] { stopping_ = true; };
  relay->Round().IgnoreError();
  EXPECT_LE(streams_.length(kUsers), 2U);
  streams_.on_append = [] {};
  stopping_ = false;
  EXPECT_TRUE(Eventually([&] { return relay->Round().ok(); }));
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox WHERE number IS NULL"), "0");
}

TEST_F(EventRelayOutageTest, RoundFailsWhileTheDatabaseIsAwayAndGoesOnAfterwards) {
  ASSERT_TRUE(relay_->Round().ok());
  Add({{"user.changed", 1, "a"}});
  postgres_.Stop();
  EXPECT_FALSE(relay_->Round().ok());
  EXPECT_EQ(streams_.length(kUsers), 0U);
  postgres_.Start();
  EXPECT_TRUE(Eventually([&] { return relay_->Round().ok(); }));
  EXPECT_EQ(Entries(kUsers), "user.changed 1 a");
}

// With as many rows as a stream may have, one statement would be cancelled, each time anew.
TEST_F(EventRelayOutageTest, BeginsStreamAnewInSteps) {
  const auto relay = MakeRelay(*writer_, {.row_batch = 10});
  ASSERT_TRUE(relay->Round().ok());
  Add(std::vector<OutgoingEvent>(25, {"user.changed", 1, "a"}));
  Add({{"order.changed", 1, "b"}});
  ASSERT_TRUE(relay->Round().ok());
  Ask("CREATE TABLE statements (changed bigint)");
  Ask("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " INSERT INTO statements SELECT count(*) FROM rows WHERE number IS NULL; RETURN NULL; END "
      "$$");
  Ask("CREATE TRIGGER note AFTER UPDATE ON outbox REFERENCING NEW TABLE AS rows"
      " FOR EACH STATEMENT EXECUTE FUNCTION note()");
  streams_.Flush();
  clock_.Advance(1s);
  ASSERT_TRUE(relay->Round().ok());
  EXPECT_EQ(streams_.length(kUsers), 25U);
  EXPECT_EQ(Ask("SELECT max(changed) || ' ' || sum(changed) FROM statements"), "10 26");
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox WHERE number IS NULL"), "0");
}

}  // namespace
}  // namespace scaleout
