#include "proto/scaleout/events/v1/event.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"
#include "proto/scaleout/rpc/v1/message_json.h"
#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::events::v1 {
namespace {

absl::Status Malformed(std::string_view field) {
  return absl::InvalidArgumentError(
      absl::StrCat("the event's field ", std::string(field), " is missing or malformed"));
}

const std::string* Find(const EventFields& fields, std::string_view name) {
  const auto found =
      std::ranges::find_if(fields, [name](const auto& field) { return field.first == name; });
  return found == fields.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> FindNumber(const EventFields& fields, std::string_view name,
                                       std::int64_t least) {
  const std::string* text = Find(fields, name);
  if (text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* const last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, number);
  if (error != std::errc() || end != last || number < least) return std::nullopt;
  return number;
}

}  // namespace

std::string_view KindOf(std::string_view type) {
  const std::size_t dot = type.find('.');
  if (dot == std::string_view::npos || dot + 1 == type.size()) return {};
  return type.substr(0, dot);
}

std::string StreamOf(std::string_view kind) { return "events:" + std::string(kind); }

EventFields ToFields(const Event& event) {
  return {{"id", event.id},
          {"type", event.type},
          {"key", std::to_string(event.aggregate_id)},
          {"seq", std::to_string(event.sequence)},
          {"after", std::to_string(event.after)},
          {"at", std::to_string(event.created_us)},
          {"data", event.payload}};
}

absl::StatusOr<Event> ParseEvent(const EventFields& fields) {
  Event event;
  const std::string* id = Find(fields, "id");
  if (id == nullptr || !rpc::v1::IsUuid(*id)) return Malformed("id");
  event.id = *id;
  const std::string* type = Find(fields, "type");
  if (type == nullptr || type->size() > kMaxTypeBytes || KindOf(*type).empty()) {
    return Malformed("type");
  }
  event.type = *type;
  const struct {
    const char* name;
    std::int64_t least;
    std::int64_t& value;
  } numbers[] = {{"key", 1, event.aggregate_id},
                 {"seq", 1, event.sequence},
                 {"after", 0, event.after},
                 {"at", 0, event.created_us}};
  for (const auto& [name, least, value] : numbers) {
    const std::optional<std::int64_t> number = FindNumber(fields, name, least);
    if (!number) return Malformed(name);
    value = *number;
  }
  if (event.after >= event.sequence) return Malformed("after");
  const std::string* payload = Find(fields, "data");
  if (payload == nullptr || payload->size() > kMaxPayloadBytes) return Malformed("data");
  event.payload = *payload;
  return event;
}

std::string ToPayload(const google::protobuf::Message& message) { return rpc::v1::ToJson(message); }

absl::Status ParsePayload(std::string_view payload, google::protobuf::Message& message) {
  return rpc::v1::ParseJson(payload, message);
}

}  // namespace scaleout::events::v1
