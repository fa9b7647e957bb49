// The answer about all backends of this instance: its name, and an object for each backend.
#ifndef SCALEOUT_GATEWAY_HANDLERS_BACKENDS_RESPONSE_H_
#define SCALEOUT_GATEWAY_HANDLERS_BACKENDS_RESPONSE_H_

#include <string>
#include <utility>

#include "gateway/backends/backends.h"
#include "gateway/handlers/json_response.h"

namespace scaleout::gateway {

// `write` writes the object of a BackendGuard.
template <typename Write>
Response BackendsResponse(const std::string& instance_id, Backends& backends, const Write& write) {
  JsonWriter json;
  json.StartObject();
  json.Field("instanceId", instance_id);
  json.StartObject("backends");
  for (BackendGuard* const guard : backends.guards()) {
    json.RuntimeKey(guard->backend());
    write(json, *guard);
  }
  json.EndObject();
  json.EndObject();
  return UncachedResponse(std::move(json));
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_BACKENDS_RESPONSE_H_
