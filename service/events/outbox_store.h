// The outbox's tables as the relay reads and writes them. All of their SQL but the row's insertion
// (outbox.h) is in the .cc.
//
// Those that take a session are steps of one transaction, which begins with LockOutbox: one relay a
// database publishes at a time. Statuses are the pool's. Thread-safe.
#ifndef SCALEOUT_SERVICE_EVENTS_OUTBOX_STORE_H_
#define SCALEOUT_SERVICE_EVENTS_OUTBOX_STORE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "postgres/postgres_pool.h"
#include "proto/scaleout/events/v1/event.h"

namespace scaleout {

struct UnpublishedEvent {
  events::v1::Event event;  // its sequence is the row's id
  std::string kind;
  std::int64_t number = 0;  // for its entry; they rise with the sequence
};

struct OutboxFigures {
  std::int64_t unpublished = 0;  // at most kMaxCountedRows
  std::int64_t published = 0;    // and not acknowledged; at most kMaxCountedRows
  std::int64_t dead = 0;
  double oldest_age_seconds = 0;  // of the oldest that is not published
};

// Counting costs a look at each row.
inline constexpr int kMaxCountedRows = 200'000;

// Waits for other relays.
absl::Status LockOutbox(PostgresSession& session);
// By kind; of streams that have begun.
absl::StatusOr<std::map<std::string, std::string>> ReadIncarnations(PostgresSession& session);
// The oldest `limit` of `kinds` with sequences above `above`, in the order of their sequences.
absl::StatusOr<std::vector<UnpublishedEvent>> ReadUnpublished(PostgresSession& session,
                                                              const std::vector<std::string>& kinds,
                                                              std::int64_t above, int limit);
absl::Status MarkPublished(PostgresSession& session, const std::vector<UnpublishedEvent>& events);
// At most `limit` of the kind's events that were published are to be published again; how many.
absl::StatusOr<std::int64_t> ForgetPublished(PostgresSession& session, const std::string& kind,
                                             int limit);
absl::Status StoreIncarnation(PostgresSession& session, const std::string& kind,
                              const std::string& incarnation);

absl::StatusOr<std::map<std::string, std::string>> ReadIncarnations(const CallContext& call,
                                                                    PostgresPool& pool);
// Those that were published in `incarnation` under a number up to `number`; how many, at most
// `limit`.
absl::StatusOr<std::int64_t> DeleteAcknowledged(const CallContext& call, PostgresPool& pool,
                                                const std::string& kind,
                                                const std::string& incarnation, std::int64_t number,
                                                int limit);
// The next number will be above `number`.
absl::Status RaiseNumbers(const CallContext& call, PostgresPool& pool, std::int64_t number);
absl::StatusOr<OutboxFigures> ReadOutboxFigures(const CallContext& call, PostgresPool& pool);

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_EVENTS_OUTBOX_STORE_H_
