#include "service/events/outbox.h"

#include <algorithm>

#include "common/str_cat.h"
#include "proto/scaleout/events/v1/event.h"

namespace scaleout {
namespace {

// The ids are given in the order of the events.
constexpr PostgresStatement kAddEvents = {
    "add_events",
    "INSERT INTO outbox (kind, aggregate_id, type, payload)"
    " SELECT split_part(e.type, '.', 1), e.aggregate_id, e.type, e.payload"
    " FROM unnest($1::text[], $2::bigint[], $3::text[]) WITH ORDINALITY"
    "   AS e (type, aggregate_id, payload, position)"
    " ORDER BY e.position"};

}  // namespace

Outbox::Outbox(PostgresPool& pool, const std::vector<PublishedStream>& streams) : pool_(pool) {
  for (const PublishedStream& stream : streams) {
    types_.insert(types_.end(), stream.types.begin(), stream.types.end());
  }
}

absl::Status Outbox::Transact(const CallContext& call, const PostgresBody& body) {
  absl::Status status = pool_.Transact(call, body);
  // Also after an error: a commit whose answer was lost may have been made.
  Wake();
  return status;
}

absl::Status Outbox::Add(PostgresSession& session, const std::vector<OutgoingEvent>& events) {
  std::vector<std::string> types;
  std::vector<std::int64_t> aggregates;
  std::vector<std::string> payloads;
  for (const OutgoingEvent& event : events) {
    if (std::ranges::find(types_, event.type) == types_.end()) {
      return absl::InternalError(StrCat("this service does not publish ", event.type));
    }
    if (event.payload.size() > events::v1::kMaxPayloadBytes) {
      return absl::InternalError(StrCat("the payload of an event ", event.type, " is too large"));
    }
    types.push_back(event.type);
    aggregates.push_back(event.aggregate_id);
    payloads.push_back(event.payload);
  }
  return session.Execute(kAddEvents, {types, aggregates, payloads}).status();
}

}  // namespace scaleout
