// Outbox, relay and consumer on a fresh database, over a fake server of streams: for tests of how
// they deal with one another's failures. The service publishes the kinds "user" and "order", and
// the group "consumer" reads both.
//
// Limits and pauses pass when the test advances the clock; the pool measures calls by the machine's
// clock, which lags behind it.
#ifndef SCALEOUT_TESTS_INTEGRATION_EVENT_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_EVENT_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/events/event_consumer.h"
#include "service/events/event_relay.h"
#include "services/user/schema.h"
#include "tests/integration/pool_fixture.h"
#include "tests/support/fake_logger.h"
#include "tests/support/fake_streams.h"

namespace scaleout::testing {

// Ahead of the machine's clock.
class AheadClock final : public Clock {
 public:
  MonotonicTime Now() const override { return SystemClock().Now() + ahead_; }
  WallTime WallNow() const override { return SystemClock().WallNow(); }
  void Advance(Duration by) { ahead_ += by; }

 private:
  Duration ahead_{};
};

class EventFixture : public PoolFixture {
 protected:
  std::unique_ptr<EventRelay> MakeRelay(StreamWriter& writer,
                                        const EventRelayOptions& options = {}) {
    return std::make_unique<EventRelay>(*pool_, writer, published_, options, clock_, log_,
                                        event_metrics_, [this] { return stopping_; });
  }

  std::unique_ptr<EventConsumer> MakeConsumer(StreamReader& reader,
                                              const std::vector<ConsumedEvent>& consumes,
                                              const EventConsumerOptions& options = {}) {
    return std::make_unique<EventConsumer>("consumer", *pool_, reader, outbox_, consumes, options,
                                           clock_, log_, event_metrics_,
                                           [this] { return stopping_; });
  }

  // In a transaction of their own.
  void Add(const std::vector<OutgoingEvent>& events) {
    const absl::Status status = outbox_.Transact(
        CallFor(), [&](PostgresSession& session) { return outbox_.Add(session, events); });
    ASSERT_TRUE(status.ok()) << status;
  }

  // "user.changed 7 a; ...": what is in the stream, in its order.
  std::string Entries(const std::string& stream) {
    std::string text;
    for (const std::int64_t number : streams_.Numbers(stream)) {
      const auto event = events::v1::ParseEvent(streams_.Fields(stream, number));
      if (!event.ok()) return event.status().ToString();
      text += (text.empty() ? "" : "; ") + event->type + " " + std::to_string(event->aggregate_id) +
              " " + event->payload;
    }
    return text;
  }

  double CountOf(const std::string& type, EventOutcome outcome) {
    return metrics_
        ->AddCounter("events_total", "Events, by what became of them",
                     {{"outcome", std::string(EventOutcomeName(outcome))}, {"type", type}})
        .value();
  }

  // Ends the sessions that are in a transaction, and wait for their client.
  void EndIdleTransactions() {
    Ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND state = 'idle in transaction'");
  }

  bool stopping_ = false;
  AheadClock clock_;
  FakeLogger log_;
  const std::unique_ptr<PostgresPool> pool_ = MakePool(user::Schema());
  const std::vector<PublishedStream> published_ = {
      {"user", {"user.changed", "user.seen"}, {"consumer"}},
      {"order", {"order.changed"}, {"consumer"}}};
  Outbox outbox_{*pool_, published_};
  EventMetrics event_metrics_{*metrics_, {"user.changed", "user.seen", "order.changed"}};
  FakeStreams streams_{clock_};
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_EVENT_FIXTURE_H_
