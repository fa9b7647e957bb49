// A consumer whose effects are rows of the table "effects", with handlers that fail as a test
// wants, and a publisher's hand in the streams.
#ifndef SCALEOUT_TESTS_INTEGRATION_EVENT_CONSUMER_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_EVENT_CONSUMER_FIXTURE_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/integration/event_fixture.h"

namespace scaleout {

class EventConsumerTest : public testing::EventFixture {
 protected:
  static constexpr char kUsers[] = "events:user";
  static constexpr char kGroup[] = "consumer";
  // The payload of an event that a handler has no use for.
  static constexpr char kMisfit[] = "misfit";

  EventConsumerTest() {
    Ask("CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY, aggregate bigint,"
        " payload text)");
    streams_.MakeGroup(kUsers, kGroup);
  }

  // Types "user.changed" and "order.changed" have handlers; "user.seen" has none.
  std::vector<ConsumedEvent> Handlers() {
    const EventHandler handle = [this](
                                    PostgresSession& session,
                                    const events::v1::Event& event) -> absl::StatusOr<EventEffect> {
      ++calls_[event.payload];
      static constexpr PostgresStatement kEffect = {
          "effect", "INSERT INTO effects (aggregate, payload) VALUES ($1, $2)"};
      const absl::Status written =
          session.Execute(kEffect, {event.aggregate_id, event.payload}).status();
      if (!written.ok()) return written;
      const auto failure = failures_.find(event.payload);
      if (failure != failures_.end() && !failure->second.ok()) return failure->second;
      return event.payload == kMisfit ? EventEffect::kNone : EventEffect::kApplied;
    };
    return {{"user.changed", handle}, {"order.changed", handle}};
  }

  std::unique_ptr<EventConsumer> Consumer(StreamReader& reader,
                                          const EventConsumerOptions& options = {}) {
    return MakeConsumer(reader, Handlers(), options);
  }

  // As its publisher writes it; its number is its sequence.
  StreamFields FieldsOf(std::int64_t sequence, std::int64_t aggregate, const std::string& payload,
                        std::int64_t after = 0, const std::string& type = "user.changed") {
    std::string id = std::to_string(sequence);
    id = "00000000-0000-4000-8000-" + std::string(12 - id.size(), '0') + id;
    return events::v1::ToFields({id, type, aggregate, sequence, after, 1'000'000, payload});
  }
  void Write(std::int64_t number, const StreamFields& fields) {
    streams_.AddByHand(kUsers, number, fields);
  }

  // Until what failed or was too early is due again.
  void LetPausesPass() {
    Ask("UPDATE inbox_failures SET retry_at = clock_timestamp()");
    clock_.Advance(std::chrono::milliseconds(600));
  }
  void Round() {
    const absl::Status status = consumer_->Round();
    EXPECT_TRUE(status.ok()) << status;
  }

  std::string Effects() {
    return Ask("SELECT coalesce(string_agg(payload, ' ' ORDER BY id), '') FROM effects");
  }
  std::string DeadLetters() {
    return Ask(
        "SELECT coalesce(string_agg(concat_ws(' ', entry_id, type, attempts, error), '; '"
        " ORDER BY id), '') FROM dead_letters");
  }
  std::string Failures() {
    return Ask(
        "SELECT coalesce(string_agg(concat_ws(' ', right(event_id::text, 2), attempts, error),"
        " '; ' ORDER BY event_id), '') FROM inbox_failures");
  }
  std::size_t Pending() { return streams_.pending(kUsers, kGroup); }

  std::map<std::string, absl::Status> failures_;  // by payload
  std::map<std::string, int> calls_;
  const std::unique_ptr<StreamReader> reader_ = streams_.MakeReader({kUsers}, kGroup);
  const std::unique_ptr<EventConsumer> consumer_ = Consumer(*reader_);
};

}  // namespace scaleout

#endif  // SCALEOUT_TESTS_INTEGRATION_EVENT_CONSUMER_FIXTURE_H_
