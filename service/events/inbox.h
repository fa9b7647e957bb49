// The inbox: which events a consumer has handled, which have failed, and which it has given up.
//
// A position for each aggregate takes the place of a row for each event: it is the sequence of the
// last event that was handled, and decides what an event is, however often and in which order
// events come. It is read under a lock and written in the transaction of the effect, so that two
// replicas that have the same event at once apply it once. Why positions:
// docs/adr/2026-11-22-inbox-positions.md. Statuses are the pool's. Thread-safe.
#ifndef SCALEOUT_SERVICE_EVENTS_INBOX_H_
#define SCALEOUT_SERVICE_EVENTS_INBOX_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "postgres/postgres_pool.h"
#include "proto/scaleout/events/v1/event.h"
#include "redis/stream_entry.h"

namespace scaleout {

// The kind and the id of an aggregate.
using AggregateKey = std::pair<std::string, std::int64_t>;
AggregateKey AggregateOf(const events::v1::Event& event);

enum class EventTurn {
  kNow,
  kHandled,  // it, or one that came after it, was handled before
  kTooEarly  // the one that it follows was not handled yet
};
// `position` is 0 where none of the aggregate's events was handled.
EventTurn TurnOf(const events::v1::Event& event, std::int64_t position);

// Of one aggregate's position, from where it was read.
struct InboxStep {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

struct DeadLetter {
  std::string stream;
  std::string entry_id;
  StreamFields fields;
  std::string type;  // "" where the entry has none
  int attempts = 0;
  std::string error;
};

// A dead letter that an operator wants to be tried again.
struct RedrivenLetter {
  std::int64_t id = 0;
  StreamFields fields;
};

// How long a statement of an effect may wait for a lock that another transaction holds.
inline constexpr std::chrono::milliseconds kInboxLockLimit{500};
// In this transaction; what waits longer is ABORTED, so that a row which a frozen process or an
// operator holds keeps only the events that need it.
absl::Status LimitLockWaits(PostgresSession& session);

class Inbox {
 public:
  explicit Inbox(std::string consumer) : consumer_(std::move(consumer)) {}

  // Of those that have one. Locks them.
  absl::StatusOr<std::map<AggregateKey, std::int64_t>> ReadPositions(
      PostgresSession& session, const std::set<AggregateKey>& aggregates) const;
  // Forward only. ABORTED, and the transaction is to be tried again, if another replica has handled
  // the first event of an aggregate meanwhile: one that has no position cannot be locked. The
  // others were locked by ReadPositions.
  absl::Status Advance(PostgresSession& session,
                       const std::map<AggregateKey, InboxStep>& steps) const;

  // Of the events with these ids that have failed, whether their pause is over.
  absl::StatusOr<std::map<std::string, bool>> ReadFailures(
      const CallContext& call, PostgresPool& pool, const std::vector<std::string>& event_ids) const;
  // Counts an attempt and lengthens the pause; how many there were.
  absl::StatusOr<int> CountFailure(PostgresSession& session, const std::string& event_id,
                                   const std::string& error) const;
  absl::Status ForgetFailures(PostgresSession& session,
                              const std::vector<std::string>& event_ids) const;

  absl::Status Bury(PostgresSession& session, const DeadLetter& letter) const;
  // The oldest `limit`.
  absl::StatusOr<std::vector<RedrivenLetter>> ReadRedriven(const CallContext& call,
                                                           PostgresPool& pool, int limit) const;
  // ABORTED if another replica was quicker.
  absl::Status Unbury(PostgresSession& session, std::int64_t id) const;
  // Once for each time that an operator asks.
  absl::Status RefuseRedrive(const CallContext& call, PostgresPool& pool, std::int64_t id,
                             const std::string& error) const;

 private:
  const std::string consumer_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_EVENTS_INBOX_H_
