// Handles the events of others: reads them from the streams, writes their effects, acknowledges.
//
// Events that come together are one transaction: where each stands (inbox.h), the effects of those
// whose turn it is, and the new positions. If it fails they go one by one, so that one event keeps
// no other from its effect. An event that fails counts an attempt and rests; after the last one it
// is a dead letter. One that comes before its turn stays pending and comes again. What is not an
// event at all is a dead letter at once.
//
// Where the database is away or frozen, what was read is held and tried again, and nothing more is
// read. Where the server of the streams is away after a commit, the entries come again and are seen
// to be handled. Used by one thread; other replicas do the same at the same time.
#ifndef SCALEOUT_SERVICE_EVENTS_EVENT_CONSUMER_H_
#define SCALEOUT_SERVICE_EVENTS_EVENT_CONSUMER_H_

#include <chrono>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/fault_points.h"
#include "common/log.h"
#include "postgres/postgres_pool.h"
#include "redis/stream_reader.h"
#include "service/events/event_metrics.h"
#include "service/events/inbox.h"
#include "service/events/service_events.h"

namespace scaleout {

// How long one transaction may take.
inline constexpr std::chrono::seconds kConsumerStepLimit{5};

struct EventConsumerOptions {
  int batch = 128;  // entries of each stream
  std::chrono::milliseconds read_wait{250};
  // What is pending for so long is claimed, every so often: after a replica's death, a failure, a
  // gap.
  std::chrono::milliseconds claim_idle{500};
  std::chrono::milliseconds claim_interval{250};
  std::chrono::milliseconds redrive_interval{1'000};
  int redrive_batch = 10;
  // Consumers of the group that have not asked for so long are replicas that are gone.
  std::chrono::minutes forget_consumers{60};
  int max_attempts = 10;
};

class EventConsumer {
 public:
  // What it waits for in the database ends soon after `is_stopping` is true. The references outlive
  // the consumer.
  EventConsumer(std::string name, PostgresPool& pool, StreamReader& reader, Outbox& outbox,
                const std::vector<ConsumedEvent>& consumes, const EventConsumerOptions& options,
                const Clock& clock, Logger& logger, EventMetrics& metrics,
                std::function<bool()> is_stopping, const FaultPoints& faults = FaultPoints::None());

  // Once around: waits for new entries, and handles them, those that it held, and those that it
  // claimed. Not OK: the database or the streams are away; to be called again after a pause.
  absl::Status Round();

 private:
  // An entry and the event in it.
  struct Delivery {
    StreamEntry entry;
    events::v1::Event event;
    // Of the transaction that handled it last. After kGap and kFailed it comes again.
    EventOutcome outcome = EventOutcome::kGap;
  };
  using Deliveries = std::vector<Delivery>;
  using IdsByStream = std::map<std::string, std::vector<std::string>>;

  // Handles what is held; what it could not handle yet is held on.
  absl::Status HandleHeld();
  absl::Status Claim();
  // The events in `entries`. What is no event becomes a dead letter.
  absl::StatusOr<Deliveries> Parse(const std::vector<StreamEntry>& entries);
  // All together, or one by one; acknowledges those that are done with.
  absl::Status Handle(std::span<Delivery> deliveries);
  absl::Status HandleAlone(std::span<Delivery> deliveries);
  // In one transaction. Fills the outcomes.
  absl::Status Transact(std::span<Delivery> deliveries);
  absl::Status Apply(PostgresSession& session, std::span<Delivery> deliveries) const;
  // Where any of them changed something.
  void PassIfApplied(const FaultPoint& point, std::span<const Delivery> deliveries) const;
  // Counts a failure of the event itself.
  absl::Status Fail(Delivery& delivery, const absl::Status& failure);
  absl::Status BuryMalformed(const std::vector<DeadLetter>& letters);
  absl::Status Acknowledge(std::span<const Delivery> deliveries);
  absl::Status Acknowledge(const IdsByStream& ids);
  absl::Status Redrive();
  absl::Status RedriveLetter(const RedrivenLetter& letter);
  // kApplied, or kIgnored where the event has no handler or does not fit.
  absl::StatusOr<EventOutcome> WriteEffect(PostgresSession& session,
                                           const events::v1::Event& event) const;
  CallContext StepCall() const;

  PostgresPool& pool_;
  StreamReader& reader_;
  Outbox& outbox_;
  const std::map<std::string, EventHandler> handlers_;
  const EventConsumerOptions options_;
  const Clock& clock_;
  Logger& logger_;
  EventMetrics& metrics_;
  const std::function<bool()> is_stopping_;
  const FaultPoints& faults_;
  const Inbox inbox_;

  std::vector<StreamEntry> held_;
  MonotonicTime next_claim_;
  MonotonicTime next_redrive_;
  MonotonicTime next_forget_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_EVENTS_EVENT_CONSUMER_H_
