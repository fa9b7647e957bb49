// The public shapes of the shop's resources: a proto message as a JSON object (docs/openapi.yaml).
//
// Ids are numbers, times RFC 3339 in UTC, money an integer in the minor unit beside its currency,
// enum values upper snake case without their prefix. What a resource does not have is null. Pure.
#ifndef SCALEOUT_GATEWAY_JSON_RESOURCE_JSON_H_
#define SCALEOUT_GATEWAY_JSON_RESOURCE_JSON_H_

#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <string_view>

#include "gateway/json/json_writer.h"
#include "scaleout/order/v1/order.pb.h"
#include "scaleout/order/v1/product.pb.h"
#include "scaleout/payment/v1/payment.pb.h"
#include "scaleout/user/v1/user.pb.h"

namespace scaleout::gateway {

// "2026-11-20T09:05:00Z", with 3, 6 or 9 digits of a fraction where there is one.
std::string FormatTime(const google::protobuf::Timestamp& time);

// With the e-mail address and the role: for that user and for admins.
void WriteUser(JsonWriter& json, const user::v1::User& user);
// The public part of a user.
void WriteUserProfile(JsonWriter& json, const user::v1::User& user);
void WriteProduct(JsonWriter& json, const order::v1::Product& product);
void WriteOrder(JsonWriter& json, const order::v1::Order& order);
void WritePayment(JsonWriter& json, const payment::v1::Payment& payment);

// The members of a page, {items, nextPageToken}, into an object that is open. `write` is one of the
// functions above.
template <typename Item>
void WritePage(JsonWriter& json, const google::protobuf::RepeatedPtrField<Item>& items,
               std::string_view next_page_token, void (*write)(JsonWriter&, const Item&)) {
  json.StartArray("items");
  for (const Item& item : items) write(json, item);
  json.EndArray();
  json.Field("nextPageToken", next_page_token);
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_JSON_RESOURCE_JSON_H_
