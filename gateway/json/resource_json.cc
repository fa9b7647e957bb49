#include "gateway/json/resource_json.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>

namespace scaleout::gateway {
namespace {

void WriteMoney(JsonWriter& json, std::string_view key, const type::v1::Money& money) {
  json.StartObject(key);
  json.Field("amount", money.amount_minor());
  json.Field("currency", money.currency_code());
  json.EndObject();
}

void WriteTime(JsonWriter& json, std::string_view key, const google::protobuf::Timestamp& time) {
  json.Field(key, FormatTime(time));
}

// "ORDER_STATUS_PENDING" without "ORDER_STATUS_"; a value of a newer service has no name here.
std::string_view WithoutPrefix(std::string_view name, std::string_view prefix) {
  return name.empty() ? "UNSPECIFIED" : name.substr(prefix.size());
}

char* WriteDigits(char* out, std::int64_t value, int width) {
  for (int i = width - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + width;
}

}  // namespace

// By hand: a page has dozens of times, and the general formatters take most of its rendering.
std::string FormatTime(const google::protobuf::Timestamp& time) {
  const std::chrono::sys_seconds seconds{std::chrono::seconds(time.seconds())};
  const std::chrono::sys_days day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);

  std::array<char, 40> text;
  char* out = WriteDigits(text.data(), static_cast<int>(date.year()), 4);
  *out++ = '-';
  out = WriteDigits(out, static_cast<unsigned>(date.month()), 2);
  *out++ = '-';
  out = WriteDigits(out, static_cast<unsigned>(date.day()), 2);
  *out++ = 'T';
  out = WriteDigits(out, clock.hours().count(), 2);
  *out++ = ':';
  out = WriteDigits(out, clock.minutes().count(), 2);
  *out++ = ':';
  out = WriteDigits(out, clock.seconds().count(), 2);
  if (const std::int32_t nanos = time.nanos(); nanos != 0) {
    *out++ = '.';
    if (nanos % 1'000'000 == 0) {
      out = WriteDigits(out, nanos / 1'000'000, 3);
    } else if (nanos % 1'000 == 0) {
      out = WriteDigits(out, nanos / 1'000, 6);
    } else {
      out = WriteDigits(out, nanos, 9);
    }
  }
  *out++ = 'Z';
  return std::string(text.data(), out);
}

void WriteUser(JsonWriter& json, const user::v1::User& user) {
  json.StartObject();
  json.Field("id", user.id());
  json.Field("email", user.email());
  json.Field("name", user.name());
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
  json.Field("status", WithoutPrefix(order::v1::OrderStatus_Name(order.status()), "ORDER_STATUS_"));
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
  json.Field("status",
             WithoutPrefix(payment::v1::PaymentStatus_Name(payment.status()), "PAYMENT_STATUS_"));
  json.Field("amount", payment.amount().amount_minor());
  json.Field("currency", payment.amount().currency_code());
  json.OptionalField("providerReference", payment.provider_reference());
  json.OptionalField("failureReason", payment.failure_reason());
  WriteTime(json, "createdAt", payment.created_at());
  WriteTime(json, "updatedAt", payment.updated_at());
  json.EndObject();
}

}  // namespace scaleout::gateway
