// The envelope of an event: what a publisher writes around a payload (events.proto), and what every
// consumer reads, as the fields of an entry of a Redis stream.
//
//   id     UUID, the same however often the event is sent
//   type   "payment.captured"; what is before the dot is the kind of aggregate
//   key    the aggregate's id
//   seq    rises from event to event of an aggregate, with gaps
//   after  the seq of the aggregate's event before it; 0 if all consumers have handled those
//   at     when it was written, in microseconds since 1970
//   data   the payload as JSON, as Protobuf maps it
//
// Unknown fields are passed over, so that newer publishers may add some. Pure functions.
#ifndef SCALEOUT_PROTO_SCALEOUT_EVENTS_V1_EVENT_H_
#define SCALEOUT_PROTO_SCALEOUT_EVENTS_V1_EVENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace scaleout::events::v1 {

inline constexpr std::size_t kMaxTypeBytes = 64;
inline constexpr std::size_t kMaxPayloadBytes = 4096;

struct Event {
  std::string id;
  std::string type;
  std::int64_t aggregate_id = 0;
  std::int64_t sequence = 0;
  std::int64_t after = 0;
  std::int64_t created_us = 0;
  std::string payload;
};

// "payment" of "payment.captured"; empty if it is no type.
std::string_view KindOf(std::string_view type);
// "events:payment", the key of the stream of that kind.
std::string StreamOf(std::string_view kind);

using EventFields = std::vector<std::pair<std::string, std::string>>;

EventFields ToFields(const Event& event);
// INVALID_ARGUMENT naming the first field that is missing or malformed.
absl::StatusOr<Event> ParseEvent(const EventFields& fields);

std::string ToPayload(const google::protobuf::Message& message);
// INVALID_ARGUMENT if it is not the JSON of such a message; members that it does not have are
// passed over.
absl::Status ParsePayload(std::string_view payload, google::protobuf::Message& message);

}  // namespace scaleout::events::v1

#endif  // SCALEOUT_PROTO_SCALEOUT_EVENTS_V1_EVENT_H_
