#include "gateway/json/resource_json.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace scaleout::gateway {
namespace {

std::string Format(std::int64_t seconds, std::int32_t nanos) {
  google::protobuf::Timestamp time;
  time.set_seconds(seconds);
  time.set_nanos(nanos);
  return FormatTime(time);
}

TEST(FormatTime, WritesRfc3339WithTheFractionThatThereIs) {
  EXPECT_EQ(Format(0, 0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Format(1'795'181'290, 0), "2026-11-20T13:28:10Z");
  EXPECT_EQ(Format(1'795'181'290, 5'000'000), "2026-11-20T13:28:10.005Z");
  EXPECT_EQ(Format(1'795'181'290, 123'456'000), "2026-11-20T13:28:10.123456Z");
  EXPECT_EQ(Format(1'795'181'290, 1), "2026-11-20T13:28:10.000000001Z");
  EXPECT_EQ(Format(951'782'399, 0), "2000-02-28T23:59:59Z");
  EXPECT_EQ(Format(951'782'400, 0), "2000-02-29T00:00:00Z");
  EXPECT_EQ(Format(-1, 0), "1969-12-31T23:59:59Z");
}

TEST(WriteUser, HasTheAddressAndAProfileHasNot) {
  user::v1::User user;
  user.set_id(7);
  user.set_email("anna@example.com");
  user.set_name("Anna");
  user.mutable_created_at()->set_seconds(1);
  user.mutable_updated_at()->set_seconds(2);
  JsonWriter full;
  WriteUser(full, user);
  EXPECT_EQ(full.ToString(),
            R"({"id":7,"email":"anna@example.com","name":"Anna","role":"customer",)"
            R"("createdAt":"1970-01-01T00:00:01Z","updatedAt":"1970-01-01T00:00:02Z"})");
  user.set_role(rpc::v1::ROLE_ADMIN);
  JsonWriter admin;
  WriteUser(admin, user);
  EXPECT_NE(admin.ToString().find(R"("role":"admin")"), std::string::npos);
  JsonWriter profile;
  WriteUserProfile(profile, user);
  EXPECT_EQ(profile.ToString(), R"({"id":7,"name":"Anna","createdAt":"1970-01-01T00:00:01Z"})");
}

TEST(WriteProduct, HasItsPriceInMinorUnits) {
  order::v1::Product product;
  product.set_id(3);
  product.set_name("Lamp");
  product.mutable_price()->set_amount_minor(1999);
  product.mutable_price()->set_currency_code("EUR");
  JsonWriter json;
  WriteProduct(json, product);
  EXPECT_EQ(json.ToString(), R"({"id":3,"name":"Lamp","price":{"amount":1999,"currency":"EUR"},)"
                             R"("createdAt":"1970-01-01T00:00:00Z"})");
}

TEST(WriteOrder, HasItsLinesAndItsStatusWithoutPrefix) {
  order::v1::Order order;
  order.set_id(9);
  order.set_user_id(7);
  order.set_status(order::v1::ORDER_STATUS_PAYMENT_FAILED);
  order::v1::OrderItem& item = *order.add_items();
  item.set_product_id(3);
  item.set_product_name("Lamp");
  item.set_quantity(2);
  item.mutable_unit_price()->set_amount_minor(1999);
  item.mutable_unit_price()->set_currency_code("EUR");
  order.mutable_total()->set_amount_minor(3998);
  order.mutable_total()->set_currency_code("EUR");
  JsonWriter json;
  WriteOrder(json, order);
  EXPECT_EQ(json.ToString(),
            R"({"id":9,"userId":7,"status":"PAYMENT_FAILED","items":[{"productId":3,)"
            R"("productName":"Lamp","quantity":2,"unitPrice":{"amount":1999,"currency":"EUR"}}],)"
            R"("total":{"amount":3998,"currency":"EUR"},"createdAt":"1970-01-01T00:00:00Z",)"
            R"("updatedAt":"1970-01-01T00:00:00Z"})");
}

TEST(WritePayment, HasNullForWhatItDoesNotHave) {
  payment::v1::Payment payment;
  payment.set_id(5);
  payment.set_order_id(9);
  payment.set_user_id(7);
  payment.set_status(payment::v1::PAYMENT_STATUS_CAPTURED);
  payment.mutable_amount()->set_amount_minor(3998);
  payment.mutable_amount()->set_currency_code("EUR");
  payment.set_provider_reference("ch_1");
  JsonWriter json;
  WritePayment(json, payment);
  EXPECT_EQ(json.ToString(),
            R"({"id":5,"orderId":9,"userId":7,"status":"CAPTURED","amount":3998,)"
            R"("currency":"EUR","providerReference":"ch_1","failureReason":null,)"
            R"("createdAt":"1970-01-01T00:00:00Z","updatedAt":"1970-01-01T00:00:00Z"})");
}

TEST(WritePayment, SaysWhenItDoesNotKnowAStatus) {
  payment::v1::Payment payment;
  payment.set_status(static_cast<payment::v1::PaymentStatus>(99));
  JsonWriter json;
  WritePayment(json, payment);
  EXPECT_NE(json.ToString().find(R"("status":"UNSPECIFIED")"), std::string::npos);
}

// What an enum of the contract has is what clients see, whichever value it is.
template <typename Item>
void ExpectStatusNames(const google::protobuf::EnumDescriptor& statuses, std::string_view prefix,
                       void (*write)(JsonWriter&, const Item&)) {
  for (int i = 0; i < statuses.value_count(); ++i) {
    const google::protobuf::EnumValueDescriptor& value = *statuses.value(i);
    const std::string name(value.name());
    ASSERT_TRUE(name.starts_with(prefix));
    Item item;
    item.set_status(static_cast<decltype(item.status())>(value.number()));
    JsonWriter json;
    write(json, item);
    const std::string field = R"("status":")" + name.substr(prefix.size()) + R"(",)";
    EXPECT_NE(json.ToString().find(field), std::string::npos) << field;
  }
}

TEST(WriteOrder, NamesEveryStatusOfTheContract) {
  ExpectStatusNames(*order::v1::OrderStatus_descriptor(), "ORDER_STATUS_", &WriteOrder);
}

TEST(WriteOrder, SaysWhenItDoesNotKnowAStatus) {
  order::v1::Order order;
  order.set_status(static_cast<order::v1::OrderStatus>(99));
  JsonWriter json;
  WriteOrder(json, order);
  EXPECT_NE(json.ToString().find(R"("status":"UNSPECIFIED")"), std::string::npos);
}

TEST(WritePayment, NamesEveryStatusOfTheContract) {
  ExpectStatusNames(*payment::v1::PaymentStatus_descriptor(), "PAYMENT_STATUS_", &WritePayment);
}

}  // namespace
}  // namespace scaleout::gateway
