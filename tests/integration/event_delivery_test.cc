// Events from the transaction of a change to the transaction of their effect: two relays, two
// consumers, and everything between them failing at random. Each effect is there once, in order.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string>

#include "tests/integration/event_fixture.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::CallFor;

constexpr char kStream[] = "events:user";
constexpr int kAggregates = 5;
constexpr int kSteps = 400;

constexpr PostgresStatement kEffect = {"effect",
                                       "INSERT INTO effects (aggregate, n) VALUES ($1, $2)"};

class EventDeliveryTest : public testing::EventFixture,
                          public ::testing::WithParamInterface<unsigned> {
 protected:
  EventDeliveryTest() {
    Ask("CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY, aggregate bigint, n "
        "bigint)");
    for (std::size_t i = 0; i < relays_.size(); ++i) RestartRelay(i);
    for (std::size_t i = 0; i < consumers_.size(); ++i) RestartConsumer(i);
  }

  // True in one of `of` cases.
  bool Chance(unsigned of) { return random_() % of == 0; }

  void RestartRelay(std::size_t i) {
    writers_[i] = streams_.MakeWriter();
    relays_[i] = MakeRelay(
        *writers_[i],
        {.batch = 4, .max_length = 12, .trim_interval = 20ms, .look_back = 2, .row_batch = 3});
  }

  void RestartConsumer(std::size_t i) {
    readers_[i] = streams_.MakeReader({kStream}, "consumer");
    EventConsumerOptions options;
    options.batch = 6;
    consumers_[i] = MakeConsumer(
        *readers_[i],
        {{"user.changed",
          [this](PostgresSession& session,
                 const events::v1::Event& event) -> absl::StatusOr<EventEffect> {
            if (faults_ && Chance(20)) return absl::UnavailableError("a dependency is away");
            const auto written = session.Execute(kEffect, {event.aggregate_id, event.payload});
            if (!written.ok()) return written.status();
            return EventEffect::kApplied;
          }}},
        options);
  }

  void Publish() {
    const auto aggregate = static_cast<std::int64_t>(random_() % kAggregates);
    const std::int64_t n = committed_[static_cast<std::size_t>(aggregate)] + 1;
    const absl::Status status =
        outbox_.Transact(CallFor(), [&](PostgresSession& session) -> absl::Status {
          // Every other event is one that the consumer has no handler for.
          const std::string payload = std::to_string(n);
          absl::Status added = outbox_.Add(session, {{"user.seen", aggregate + 1, payload},
                                                     {"user.changed", aggregate + 1, payload}});
          return added.ok() && Chance(8) ? absl::InternalError("the change fails") : added;
        });
    if (status.ok()) committed_[static_cast<std::size_t>(aggregate)] = n;
  }

  void Disturb() {
    switch (random_() % 8) {
      case 0:
        streams_.Flush();
        break;
      case 1:
        streams_.Restart(random_() % 4);
        break;
      case 2:
        streams_.away = !streams_.away;
        break;
      case 3:
        streams_.lose_next_reply = true;
        break;
      case 4:
        // The relay's connection breaks between the stream and the mark.
        streams_.on_append = [this] {
          EndIdleTransactions();
          streams_.on_append = [] {};
        };
        break;
      case 5:
        RestartRelay(random_() % relays_.size());
        break;
      case 6:
        RestartConsumer(random_() % consumers_.size());
        break;
      case 7:
        // An older copy of the database would give the same numbers again.
        Ask("SELECT setval('outbox_numbers', greatest(last_value - 5, 1)) FROM outbox_numbers");
        break;
      default:
        break;
    }
  }

  void Step() {
    const auto i = random_() % 2;
    clock_.Advance(std::chrono::milliseconds(random_() % 300));
    switch (random_() % 4) {
      case 0:
        Publish();
        break;
      case 1:
        relays_[i]->Round().IgnoreError();
        break;
      case 2:
        consumers_[i]->Round().IgnoreError();
        break;
      default:
        if (Chance(3)) Disturb();
        break;
    }
  }

  // Until nothing is left on the way.
  void Settle() {
    faults_ = false;
    streams_.away = false;
    streams_.on_append = [] {};
    for (int round = 0; round < 400; ++round) {
      clock_.Advance(600ms);
      for (auto& relay : relays_) relay->Round().IgnoreError();
      for (auto& consumer : consumers_) consumer->Round().IgnoreError();
      if (Ask("SELECT count(*) FROM outbox") == "0") return;
    }
    FAIL() << "events are left: "
           << Ask("SELECT string_agg(o::text, E'\\n') FROM (SELECT * FROM outbox LIMIT 9) AS o");
  }

  std::string EffectsOf(int aggregate) {
    return Ask(
        "SELECT coalesce(string_agg(n::text, ' ' ORDER BY id), '') FROM effects"
        " WHERE aggregate = " +
        std::to_string(aggregate + 1));
  }

  std::mt19937 random_{GetParam()};
  bool faults_ = true;
  std::array<std::unique_ptr<StreamWriter>, 2> writers_;
  std::array<std::unique_ptr<EventRelay>, 2> relays_;
  std::array<std::unique_ptr<StreamReader>, 2> readers_;
  std::array<std::unique_ptr<EventConsumer>, 2> consumers_;
  std::array<std::int64_t, kAggregates> committed_ = {};
};

TEST_P(EventDeliveryTest, EveryCommittedEventHasItsEffectOnceAndInOrder) {
  for (int step = 0; step < kSteps; ++step) Step();
  Settle();
  for (int aggregate = 0; aggregate < kAggregates; ++aggregate) {
    std::string expected;
    for (std::int64_t n = 1; n <= committed_[static_cast<std::size_t>(aggregate)]; ++n) {
      expected += (n == 1 ? "" : " ") + std::to_string(n);
    }
    EXPECT_EQ(EffectsOf(aggregate), expected) << "aggregate " << aggregate;
  }
  EXPECT_EQ(Ask("SELECT coalesce(min(error), 'none') FROM dead_letters"), "none");
}

INSTANTIATE_TEST_SUITE_P(Seeds, EventDeliveryTest, ::testing::Range(1U, 33U));

}  // namespace
}  // namespace scaleout
