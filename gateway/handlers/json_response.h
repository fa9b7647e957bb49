// The few shapes of a successful answer. Pure.
#ifndef SCALEOUT_GATEWAY_HANDLERS_JSON_RESPONSE_H_
#define SCALEOUT_GATEWAY_HANDLERS_JSON_RESPONSE_H_

#include <string>
#include <utility>

#include "gateway/http/message.h"
#include "gateway/json/json_writer.h"

namespace scaleout::gateway {

// 200 with what was written.
inline Response JsonResponse(const JsonWriter& json) { return Response(200, json.ToString()); }

// As JsonResponse, for what is only true of this moment.
inline Response UncachedResponse(const JsonWriter& json) {
  Response response = JsonResponse(json);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

// 201 with Location. `replayed`: an earlier request with the same Idempotency-Key made it.
inline Response CreatedResponse(const JsonWriter& json, std::string location, bool replayed) {
  Response response(201, json.ToString());
  response.headers.emplace_back("Location", std::move(location));
  if (replayed) response.headers.emplace_back("Idempotent-Replayed", "true");
  return response;
}

// 204: no body, hence no type.
inline Response NoContent() {
  Response response(204, "");
  response.content_type.clear();
  return response;
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_JSON_RESPONSE_H_
