// Events of a service, written in the transaction of the change that they say has happened.
//
//   outbox.Transact(call, [&](PostgresSession& session) -> absl::Status {
//     ... change the row of the aggregate, which locks it ...
//     return outbox.Add(session, {{"order.changed", id, events::v1::ToPayload(message)}});
//   });
//
// An event is committed with its change or not at all, and published afterwards, however often
// processes and servers die in between (service_events.h). The order of an aggregate's events is
// that of their Add() under the lock of the aggregate's row, so Add() comes after the statement
// that takes it. Thread-safe.
#ifndef SCALEOUT_SERVICE_EVENTS_OUTBOX_H_
#define SCALEOUT_SERVICE_EVENTS_OUTBOX_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/call_context.h"
#include "postgres/postgres_pool.h"
#include "postgres/postgres_session.h"

namespace scaleout {

// One kind of aggregate: what is published about it, and to whom.
struct PublishedStream {
  std::string kind;                // "payment"
  std::vector<std::string> types;  // "payment.captured"
  // Groups of consumers. An event is kept until each of them has acknowledged it.
  std::vector<std::string> groups;
};

struct OutgoingEvent {
  std::string type;
  std::int64_t aggregate_id = 0;
  std::string payload;
};

class Outbox {
 public:
  // `pool` outlives the outbox.
  Outbox(PostgresPool& pool, const std::vector<PublishedStream>& streams);
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // As PostgresPool::Transact; what `body` has added is published soon after the commit.
  absl::Status Transact(const CallContext& call, const PostgresBody& body);
  // In the caller's transaction, in this order. INTERNAL for a type that the service does not
  // declare, or a payload of more than kMaxPayloadBytes: defects.
  absl::Status Add(PostgresSession& session, const std::vector<OutgoingEvent>& events);

  // Says that a transaction with events has been committed; Transact() does so itself.
  void Wake() const {
    if (wake_) wake_();
  }
  // What Wake() calls, from any thread. Before the first call.
  void OnWake(std::function<void()> wake) { wake_ = std::move(wake); }

 private:
  PostgresPool& pool_;
  std::vector<std::string> types_;
  std::function<void()> wake_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_EVENTS_OUTBOX_H_
