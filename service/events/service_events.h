// Events between services: what a service publishes, and what it does when others have published.
//
// A service declares both as tables. Its changes add events to the outbox (outbox.h) in their own
// transaction, and effects of events are rows, written in one transaction with the note that the
// event was handled (inbox.h). In between are streams on redis-state, one for each kind of
// aggregate, which may forget: what not every group has acknowledged is still in the outbox.
//
//   outbox row --relay--> stream --group--> consumer --inbox row and effect--> acknowledged
//       ^                                                                          |
//       +--- deleted when every group has acknowledged it, or sent again <---------+
//
// At least once on the way, exactly once in effect, in order for each aggregate: an event whose
// sequence is not above the last one that was handled has had its effect; one that comes before the
// event that it follows is left until that one came (a gap). A failure of the event itself counts
// as an attempt, after the last of which the entry becomes a dead letter, and its aggregate's next
// events go on; a database or server that is away or frozen costs no attempt, only time. A stream
// that is flushed, or whose server has restarted, is begun anew with all that was not acknowledged.
//
// Three threads at most, none of them a request's: the relay, the consumer, and whichever request
// wakes the relay after its commit. Figures: outbox_pending, outbox_oldest_age_seconds,
// outbox_dead, inbox_lag_seconds, events_total. All of it is in docs/events.md.
#ifndef SCALEOUT_SERVICE_EVENTS_SERVICE_EVENTS_H_
#define SCALEOUT_SERVICE_EVENTS_SERVICE_EVENTS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "postgres/postgres_session.h"
#include "proto/scaleout/events/v1/event.h"
#include "service/events/outbox.h"
#include "service/run_service.h"

namespace scaleout {

enum class EventEffect {
  kApplied,
  kNone,  // the event does not fit what is there, and never will
};

// Writes the effect. It runs again after a transaction that did not commit, and it may add events
// to the outbox. DATA_LOSS: the payload cannot be understood, the entry is dead at once.
// UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, ABORTED (as after 500 ms without a lock) and
// RESOURCE_EXHAUSTED are not the event's failure; any other status is.
using EventHandler =
    std::function<absl::StatusOr<EventEffect>(PostgresSession&, const events::v1::Event&)>;

// Types of a consumed kind that have no handler are acknowledged without effect.
struct ConsumedEvent {
  std::string type;
  EventHandler handle;
};

class ServiceEvents {
 public:
  // `context` outlives the object.
  ServiceEvents(ServiceContext& context, std::vector<PublishedStream> publishes);
  // Ends the threads, which takes as long as what they wait for: two seconds at most, or
  // kCommitLimit where PostgreSQL is frozen in the middle of a commit.
  ~ServiceEvents();
  ServiceEvents(const ServiceEvents&) = delete;
  ServiceEvents& operator=(const ServiceEvents&) = delete;

  Outbox& outbox();

  // Publishes and consumes from now on, once the database's tables are there. Without a server
  // (REDIS_STATE_ADDRESS) it only warns. The group's name is the service's. Once.
  void Start(const std::vector<ConsumedEvent>& consumes = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_EVENTS_SERVICE_EVENTS_H_
