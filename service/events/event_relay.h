// Publishes what is in the outbox to the streams, and deletes there what every group of consumers
// has acknowledged.
//
// A batch is one transaction: it takes the lock that makes this the database's only relay at work,
// reads the oldest events, appends them to their streams and marks them. Where it dies in between,
// they are appended again under higher numbers, which the consumers see as old. While an event is
// in the outbox, the events of its aggregate that come after it say so (Event::after).
//
// Every trim_interval, and where a stream is full, it asks the streams what was acknowledged. A
// stream of another incarnation (flushed, restarted, made by a program that knew fewer groups) is
// begun anew: all of its events that are still here are to be published again. At max_length a
// stream takes no more, and its events wait here, other streams' do not.
//
// The transaction is open while the server of the streams is asked, so that must take less than the
// database lets a transaction wait (idle_in_transaction_session_timeout). Used by one thread; its
// other instances may be other processes.
#ifndef SCALEOUT_SERVICE_EVENTS_EVENT_RELAY_H_
#define SCALEOUT_SERVICE_EVENTS_EVENT_RELAY_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/fault_points.h"
#include "common/log.h"
#include "postgres/postgres_pool.h"
#include "redis/stream_writer.h"
#include "service/events/event_metrics.h"
#include "service/events/outbox.h"
#include "service/events/outbox_store.h"

namespace scaleout {

// How long a step, one transaction or one question, may wait for the database.
inline constexpr std::chrono::seconds kRelayStepLimit{5};

struct EventRelayOptions {
  int batch = 256;                                   // events
  std::int64_t max_length = 100'000;                 // of a stream
  std::chrono::milliseconds trim_interval{1'000};    // also of the figures
  std::chrono::milliseconds full_trim_interval{50};  // while a stream is full
  // A round looks only so far behind the last event that was published: rows leave dead entries in
  // the index until it is vacuumed. Those that were committed later are found at the next trim.
  std::int64_t look_back = 1'000;
  int row_batch = 5'000;  // rows that a statement deletes or changes
};

class EventRelay {
 public:
  // What it waits for in the database ends soon after `is_stopping` is true. The references outlive
  // the relay.
  EventRelay(PostgresPool& pool, StreamWriter& writer, const std::vector<PublishedStream>& streams,
             const EventRelayOptions& options, const Clock& clock, Logger& logger,
             EventMetrics& metrics, std::function<bool()> is_stopping,
             const FaultPoints& faults = FaultPoints::None());

  // Publishes all that it finds, and trims meanwhile when that is due. Where it is not OK the next
  // round asks the server of the streams first, before it opens a transaction.
  absl::Status Round();

 private:
  absl::Status Trim();
  absl::Status TrimStream(const PublishedStream& stream, const std::string& incarnation);
  // How many events it found.
  absl::StatusOr<std::size_t> PublishBatch();
  // Appends them, stream by stream; the first failure ends it. `published` gets what was appended.
  absl::Status Append(const std::vector<UnpublishedEvent>& events,
                      std::vector<UnpublishedEvent>& published);
  // Unless another relay has done so since `seen` was read.
  absl::Status Begin(const PublishedStream& stream, const std::string& seen);
  void SetFull(const std::string& kind, bool full);
  // Kinds whose streams take events.
  std::vector<std::string> OpenKinds() const;
  // For one step.
  CallContext StepCall() const;

  PostgresPool& pool_;
  StreamWriter& writer_;
  const std::vector<PublishedStream>& streams_;
  const EventRelayOptions options_;
  const Clock& clock_;
  Logger& logger_;
  EventMetrics& metrics_;

  const std::function<bool()> is_stopping_;
  const FaultPoints& faults_;

  MonotonicTime next_trim_;
  MonotonicTime next_figures_;
  std::map<std::string, std::string> incarnations_;  // by kind, as they were when trimming
  std::int64_t look_above_ = 0;                      // a sequence
  std::set<std::string> full_;                       // kinds
  bool to_begin_ = false;                            // a stream is of another incarnation
  std::int64_t raise_to_ = 0;  // a stream has had this number; 0: no number was too low
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_EVENTS_EVENT_RELAY_H_
