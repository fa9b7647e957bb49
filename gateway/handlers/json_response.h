// The few shapes of a successful answer: one resource, a page of them, a new one, one that will
// change, none. An error is a status, and the server makes a problem document of it
// (gateway/http/problem.h). Pure.
#ifndef SCALEOUT_GATEWAY_HANDLERS_JSON_RESPONSE_H_
#define SCALEOUT_GATEWAY_HANDLERS_JSON_RESPONSE_H_

#include <string>
#include <string_view>
#include <utility>

#include "gateway/http/message.h"
#include "gateway/json/json_writer.h"
#include "gateway/json/resource_json.h"

namespace scaleout::gateway {

// 200 with what was written.
inline Response JsonResponse(JsonWriter&& json) {
  return Response(200, std::move(json).TakeString());
}

// 200 with one resource; `write` is its function of resource_json.h.
template <typename Item>
Response ItemResponse(const Item& item, void (*write)(JsonWriter&, const Item&)) {
  JsonWriter json;
  write(json, item);
  return JsonResponse(std::move(json));
}

// 200 with a page of them.
template <typename Item>
Response PageResponse(const google::protobuf::RepeatedPtrField<Item>& items,
                      std::string_view next_page_token, void (*write)(JsonWriter&, const Item&)) {
  JsonWriter json;
  json.StartObject();
  WritePage(json, items, next_page_token, write);
  json.EndObject();
  return JsonResponse(std::move(json));
}

// As JsonResponse, for what is only true of this moment.
inline Response UncachedResponse(JsonWriter&& json) {
  Response response = JsonResponse(std::move(json));
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

// 201 with the new resource and its Location. `replayed`: an earlier request with the same
// Idempotency-Key made it.
template <typename Item>
Response CreatedResponse(const Item& item, void (*write)(JsonWriter&, const Item&),
                         std::string location, bool replayed) {
  JsonWriter json;
  write(json, item);
  Response response(201, std::move(json).TakeString());
  response.headers.emplace_back("Location", std::move(location));
  if (replayed) response.headers.emplace_back("Idempotent-Replayed", "true");
  return response;
}

// 202 with the resource as it still is.
template <typename Item>
Response AcceptedResponse(const Item& item, void (*write)(JsonWriter&, const Item&)) {
  Response response = ItemResponse(item, write);
  response.status = 202;
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
