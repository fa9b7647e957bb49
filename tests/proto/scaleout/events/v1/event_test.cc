#include "proto/scaleout/events/v1/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "scaleout/events/v1/events.pb.h"

namespace scaleout::events::v1 {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

Event Captured() {
  return {.id = "0f8fad5b-d9cb-469f-a165-70867728950e",
          .type = "payment.captured",
          .aggregate_id = 42,
          .sequence = 17,
          .after = 9,
          .created_us = 1'790'000'000'123'456,
          .payload = R"({"paymentId":"42"})"};
}

// The fields of a well-formed event, of which one has another value, or is absent.
EventFields With(const std::string& name, const std::optional<std::string>& value) {
  EventFields fields = ToFields(Captured());
  const auto field = std::ranges::find(fields, name, &EventFields::value_type::first);
  if (field == fields.end()) {
    ADD_FAILURE() << "there is no field " << name;
  } else if (value) {
    field->second = *value;
  } else {
    fields.erase(field);
  }
  return fields;
}

void ExpectRefused(const std::string& name, const std::optional<std::string>& value) {
  const auto parsed = ParseEvent(With(name, value));
  EXPECT_TRUE(absl::IsInvalidArgument(parsed.status()))
      << name << " '" << value.value_or("absent").substr(0, 80) << "': " << parsed.status();
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("field " + name + " "));
}

void ExpectTaken(const std::string& name, const std::string& value) {
  const auto parsed = ParseEvent(With(name, value));
  EXPECT_TRUE(parsed.ok()) << name << " '" << value.substr(0, 80) << "': " << parsed.status();
}

TEST(Event, IsReadBackFromItsFields) {
  const Event sent = Captured();
  EXPECT_THAT(ToFields(sent),
              UnorderedElementsAre(Pair("id", sent.id), Pair("type", sent.type), Pair("key", "42"),
                                   Pair("seq", "17"), Pair("after", "9"),
                                   Pair("at", "1790000000123456"), Pair("data", sent.payload)));
  const auto read = ParseEvent(ToFields(sent));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->id, sent.id);
  EXPECT_EQ(read->type, sent.type);
  EXPECT_EQ(read->aggregate_id, sent.aggregate_id);
  EXPECT_EQ(read->sequence, sent.sequence);
  EXPECT_EQ(read->after, sent.after);
  EXPECT_EQ(read->created_us, sent.created_us);
  EXPECT_EQ(read->payload, sent.payload);
}

TEST(Event, WithoutOneOfItsFieldsIsRefused) {
  for (const char* name : {"id", "type", "key", "seq", "after", "at", "data"}) {
    ExpectRefused(name, std::nullopt);
  }
  EXPECT_TRUE(absl::IsInvalidArgument(ParseEvent({}).status()));
}

TEST(Event, WithAnIdThatIsNoUuidIsRefused) {
  const std::string id = Captured().id;
  for (const std::string& bad :
       {std::string(), id.substr(1), id + "0", std::string("0F8FAD5B-d9cb-469f-a165-70867728950e"),
        std::string("0f8fad5bd-9cb-469f-a165-70867728950e"),
        std::string("0f8fad5b-d9cb-469f-a165-70867728950g"),
        std::string("0f8fad5b-d9cb-469f-a165 70867728950e"),
        std::string("0f8fad5b-d9cb-469f-a165-7086772895-e")}) {
    ExpectRefused("id", bad);
  }
}

TEST(Event, WithATypeThatNamesNoKindIsRefused) {
  for (const char* bad : {"", "payment", ".captured", "payment.", "."}) ExpectRefused("type", bad);
}

TEST(Event, WithANumberThatIsMalformedOrOutOfRangeIsRefused) {
  for (const char* name : {"key", "seq", "after", "at"}) {
    for (const char* bad : {"", " 1", "1 ", "+1", "1.0", "1e3", "0x1", "one", "-1",
                            "9223372036854775808", "99999999999999999999"}) {
      ExpectRefused(name, bad);
    }
    ExpectRefused(name, std::string("1\0", 2));
  }
  ExpectRefused("key", "0");
  ExpectRefused("seq", "0");
  ExpectTaken("at", "0");
}

TEST(Event, ThatDoesNotComeAfterTheOneItNamesIsRefused) {
  ExpectTaken("after", "0");
  ExpectTaken("after", "16");
  ExpectRefused("after", "17");
  ExpectRefused("after", "18");
}

TEST(Event, WithTheLargestNumbersIsRead) {
  Event largest = Captured();
  largest.aggregate_id = largest.sequence = largest.created_us = kMax;
  largest.after = kMax - 1;
  const auto read = ParseEvent(ToFields(largest));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->aggregate_id, kMax);
  EXPECT_EQ(read->sequence, kMax);
  EXPECT_EQ(read->after, kMax - 1);
  EXPECT_EQ(read->created_us, kMax);
}

TEST(Event, OfTheGreatestSizesIsReadAndALargerOneIsNot) {
  const std::string kind = "payment.";
  ExpectTaken("type", kind + std::string(kMaxTypeBytes - kind.size(), 'x'));
  ExpectRefused("type", kind + std::string(kMaxTypeBytes - kind.size() + 1, 'x'));
  ExpectTaken("data", std::string(kMaxPayloadBytes, 'x'));
  ExpectRefused("data", std::string(kMaxPayloadBytes + 1, 'x'));
  ExpectTaken("data", "");
}

TEST(Event, FieldsThatAreNotKnownArePassedOver) {
  EventFields fields = ToFields(Captured());
  fields.insert(fields.begin(), {"version", "2"});
  fields.emplace_back("", "");
  const auto read = ParseEvent(fields);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->sequence, 17);
}

TEST(Event, KindIsWhatStandsBeforeTheFirstDotOfTheType) {
  EXPECT_EQ(KindOf("payment.captured"), "payment");
  EXPECT_EQ(KindOf("order.line.changed"), "order");
  for (const char* none : {"", "payment", "payment.", ".captured"}) EXPECT_EQ(KindOf(none), "");
  EXPECT_EQ(StreamOf("payment"), "events:payment");
}

TEST(EventPayload, IsReadBackFromItsJson) {
  PaymentCaptured sent;
  sent.set_payment_id(42);
  sent.set_order_id(kMax);
  sent.set_user_id(7);
  sent.mutable_amount()->set_amount_minor(1999);
  sent.mutable_amount()->set_currency_code("EUR");
  const std::string payload = ToPayload(sent);
  // 64-bit integers are strings, so that readers whose numbers are doubles lose nothing.
  EXPECT_THAT(payload, HasSubstr(R"("orderId":"9223372036854775807")"));
  PaymentCaptured read;
  ASSERT_TRUE(ParsePayload(payload, read).ok());
  EXPECT_EQ(read.SerializeAsString(), sent.SerializeAsString());
}

TEST(EventPayload, KeepsTextThatJsonEscapes) {
  PaymentFailed sent;
  sent.set_reason("\"declined\" \\ \n \u20ac");
  PaymentFailed read;
  ASSERT_TRUE(ParsePayload(ToPayload(sent), read).ok());
  EXPECT_EQ(read.reason(), sent.reason());
}

TEST(EventPayload, MembersThatAreNotKnownArePassedOver) {
  ProductChanged read;
  ASSERT_TRUE(ParsePayload(R"({"price":{"amount":1},"productId":"7","tags":["a"]})", read).ok());
  EXPECT_EQ(read.product_id(), 7);
}

TEST(EventPayload, TakesNumbersWrittenAsNumbers) {
  ProductChanged read;
  ASSERT_TRUE(ParsePayload(R"({"productId":7})", read).ok());
  EXPECT_EQ(read.product_id(), 7);
}

TEST(EventPayload, ThatIsNoJsonOfItsMessageIsRefused) {
  for (const char* bad : {"", "{", "[]", "7", "\"text\"", R"({"productId":"seven"})",
                          R"({"productId":"9223372036854775808"})", R"({"productId":{}})",
                          R"({"productId":"7"} x)", R"({"productId":1.5})"}) {
    ProductChanged read;
    const absl::Status parsed = ParsePayload(bad, read);
    EXPECT_TRUE(absl::IsInvalidArgument(parsed)) << bad << ": " << parsed;
    EXPECT_THAT(std::string(parsed.message()), HasSubstr("ProductChanged")) << bad;
  }
}

}  // namespace
}  // namespace scaleout::events::v1
