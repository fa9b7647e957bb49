#include "gateway/json/resource_json.h"

#include <array>

#include "common/principal.h"
#include "gateway/json/time_text.h"

namespace scaleout::gateway {
namespace {

void WriteMoney(JsonWriter& json, const JsonKey& key, const type::v1::Money& money) {
  json.StartObject(key);
  json.Field("amount", money.amount_minor());
  json.Field("currency", money.currency_code());
  json.EndObject();
}

void WriteTime(JsonWriter& json, const JsonKey& key, const google::protobuf::Timestamp& time) {
  json.Time(key, time.seconds(), time.nanos());
}

// Not from the descriptor, which costs a search and a string each time. A value of a newer service
// has no name here.
std::string_view StatusName(order::v1::OrderStatus status) {
  switch (status) {
    case order::v1::ORDER_STATUS_PENDING:
      return "PENDING";
    case order::v1::ORDER_STATUS_PAID:
      return "PAID";
    case order::v1::ORDER_STATUS_FULFILLED:
      return "FULFILLED";
    case order::v1::ORDER_STATUS_CANCELLED:
      return "CANCELLED";
    case order::v1::ORDER_STATUS_PAYMENT_FAILED:
      return "PAYMENT_FAILED";
    case order::v1::ORDER_STATUS_RESERVED:
      return "RESERVED";
    case order::v1::ORDER_STATUS_REFUNDING:
      return "REFUNDING";
    default:
      return "UNSPECIFIED";
  }
}

std::string_view StatusName(payment::v1::PaymentStatus status) {
  switch (status) {
    case payment::v1::PAYMENT_STATUS_AUTHORIZED:
      return "AUTHORIZED";
    case payment::v1::PAYMENT_STATUS_CAPTURED:
      return "CAPTURED";
    case payment::v1::PAYMENT_STATUS_VOIDED:
      return "VOIDED";
    case payment::v1::PAYMENT_STATUS_REFUNDED:
      return "REFUNDED";
    case payment::v1::PAYMENT_STATUS_FAILED:
      return "FAILED";
    default:
      return "UNSPECIFIED";
  }
}

// An older service says none, and has no admins.
std::string_view RoleText(rpc::v1::Role role) {
  return RoleName(role == rpc::v1::ROLE_ADMIN ? Role::kAdmin : Role::kCustomer);
}

}  // namespace

std::string FormatTime(const google::protobuf::Timestamp& time) {
  std::array<char, kMaxTimeBytes> text;
  return std::string(text.data(), TimeText().Write(text.data(), time.seconds(), time.nanos()));
}

void WriteUser(JsonWriter& json, const user::v1::User& user) {
  json.StartObject();
  json.Field("id", user.id());
  json.Field("email", user.email());
  json.Field("name", user.name());
  json.Field("role", RoleText(user.role()));
  WriteTime(json, "createdAt", user.created_at());
  WriteTime(json, "updatedAt", user.updated_at());
  json.EndObject();
}

void WriteUserProfile(JsonWriter& json, const user::v1::User& user) {
  json.StartObject();
  json.Field("id", user.id());
  json.Field("name", user.name());
  WriteTime(json, "createdAt", user.created_at());
  json.EndObject();
}

void WriteProduct(JsonWriter& json, const order::v1::Product& product) {
  json.StartObject();
  json.Field("id", product.id());
  json.Field("name", product.name());
  WriteMoney(json, "price", product.price());
  WriteTime(json, "createdAt", product.created_at());
  json.EndObject();
}

void WriteOrder(JsonWriter& json, const order::v1::Order& order) {
  json.StartObject();
  json.Field("id", order.id());
  json.Field("userId", order.user_id());
  json.Field("status", StatusName(order.status()));
  json.StartArray("items");
  for (const order::v1::OrderItem& item : order.items()) {
    json.StartObject();
    json.Field("productId", item.product_id());
    json.Field("productName", item.product_name());
    json.Field("quantity", item.quantity());
    WriteMoney(json, "unitPrice", item.unit_price());
    json.EndObject();
  }
  json.EndArray();
  WriteMoney(json, "total", order.total());
  WriteTime(json, "createdAt", order.created_at());
  WriteTime(json, "updatedAt", order.updated_at());
  json.EndObject();
}

void WritePayment(JsonWriter& json, const payment::v1::Payment& payment) {
  json.StartObject();
  json.Field("id", payment.id());
  json.Field("orderId", payment.order_id());
  json.Field("userId", payment.user_id());
  json.Field("status", StatusName(payment.status()));
  json.Field("amount", payment.amount().amount_minor());
  json.Field("currency", payment.amount().currency_code());
  json.OptionalField("providerReference", payment.provider_reference());
  json.OptionalField("failureReason", payment.failure_reason());
  WriteTime(json, "createdAt", payment.created_at());
  WriteTime(json, "updatedAt", payment.updated_at());
  json.EndObject();
}

}  // namespace scaleout::gateway
