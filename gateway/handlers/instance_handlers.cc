#include "gateway/handlers/instance_handlers.h"

#include <map>
#include <string_view>
#include <utility>

#include "gateway/cluster/shared_counter.h"
#include "gateway/handlers/json_response.h"
#include "gateway/json/json_reader.h"

namespace scaleout::gateway {

InstanceHandlers::InstanceHandlers(std::string instance_id, std::size_t loops,
                                   std::function<std::string()> self, InstanceDirectory& directory)
    : instance_id_(std::move(instance_id)),
      self_(std::move(self)),
      directory_(directory),
      list_(loops, kMaxRedisStateWait, [this](RequestContext& context) { return Read(context); }) {}

Task<absl::StatusOr<Response>> InstanceHandlers::List(RequestContext& context, const Request&) {
  return list_.Get(context);
}

Task<Response> InstanceHandlers::Read(RequestContext& context) {
  Task<InstanceEntries> reading = directory_.Read(context);
  const InstanceEntries read = co_await reading;

  const std::string self = self_();
  std::map<std::string_view, std::string_view> instances = {{instance_id_, self}};
  bool registered = false;
  for (const InstanceEntry& entry : read.entries) {
    if (entry.id == instance_id_) {
      registered = true;
    } else if (FindJsonText(entry.description, "instanceId") == entry.id) {
      instances.emplace(entry.id, entry.description);
    }
  }
  JsonWriter json;
  json.StartObject();
  json.StartArray("instances");
  for (const auto& [id, description] : instances) json.Document(description);
  json.EndArray();
  json.Field("complete", read.complete && registered);
  json.EndObject();
  co_return UncachedResponse(std::move(json));
}

}  // namespace scaleout::gateway
