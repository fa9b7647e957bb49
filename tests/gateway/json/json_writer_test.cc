#include "gateway/json/json_writer.h"

#include <gtest/gtest.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace scaleout::gateway {
namespace {

TEST(JsonWriter, WritesEveryKindOfField) {
  JsonWriter json;
  json.StartObject();
  json.Field("text", "a\"b\\c\n\x01€");
  json.Field("view", std::string_view("x"));
  json.Field("string", std::string("y"));
  json.Field("int", -1);
  json.Field("large", std::numeric_limits<std::int64_t>::max());
  json.Field("unsigned", std::numeric_limits<std::uint64_t>::max());
  json.Field("double", 1.23456);
  json.Field("bool", true);
  json.Null("null");
  json.OptionalField("absent", "");
  json.OptionalField("present", "z");
  json.StartArray("array");
  json.StartObject();
  json.EndObject();
  json.EndArray();
  json.StartObject("object");
  json.EndObject();
  json.EndObject();
  EXPECT_EQ(json.ToString(),
            R"({"text":"a\"b\\c\n\u0001€","view":"x","string":"y","int":-1,)"
            R"("large":9223372036854775807,"unsigned":18446744073709551615,"double":1.234,)"
            R"("bool":true,"null":null,"absent":null,"present":"z","array":[{}],"object":{}})");
}

TEST(JsonWriter, WritesZeroForWhatJsonCannotSay) {
  JsonWriter json;
  json.StartObject();
  json.Field("nan", std::numeric_limits<double>::quiet_NaN());
  json.Field("infinite", std::numeric_limits<double>::infinity());
  json.EndObject();
  EXPECT_EQ(json.ToString(), R"({"nan":0.0,"infinite":0.0})");
}

std::string Written(std::string_view text) {
  JsonWriter json;
  json.StartObject();
  json.Field("t", text);
  json.EndObject();
  return json.ToString();
}

// The same, as RapidJSON writes it.
std::string WrittenByRapidJson(std::string_view text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  writer.Key("t");
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

TEST(JsonWriter, EscapesWhatJsonForbidsInAString) {
  EXPECT_EQ(Written(std::string_view("\0", 1)), R"({"t":"\u0000"})");
  EXPECT_EQ(Written("\b\t\n\f\r"), R"({"t":"\b\t\n\f\r"})");
  EXPECT_EQ(Written("\x0b\x1f\x7f"), "{\"t\":\"\\u000B\\u001F\x7f\"}");
  EXPECT_EQ(Written("\"\\/"), R"({"t":"\"\\/"})");
  EXPECT_EQ(Written("\"\"\"\"\"\"\"\"\""), R"({"t":"\"\"\"\"\"\"\"\"\""})");
}

// Eight bytes are looked at together: each byte has to be found at each place of them, and in what
// is left at the end.
TEST(JsonWriter, WritesEveryByteAtEveryPlaceAsRapidJsonDoes) {
  constexpr std::size_t kLength = 19;
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t at = 0; at < kLength; ++at) {
      for (const char filler : {'x', '!', '\x7f', '\xc4'}) {
        std::string text(kLength, filler);
        text[at] = static_cast<char>(byte);
        ASSERT_EQ(Written(text), WrittenByRapidJson(text)) << byte << " at " << at;
      }
    }
  }
}

TEST(JsonWriter, LeavesUtf8AsItIs) {
  for (const std::string_view text : {"ä", "€uro and more", "\xf0\x9f\x9a\x80", "ÄÖÜ ÄÖÜ ÄÖÜ"}) {
    EXPECT_EQ(Written(text), WrittenByRapidJson(text));
    EXPECT_NE(Written(text).find(text), std::string::npos);
  }
}

TEST(JsonWriter, WritesATextThatHasNoBytes) {
  EXPECT_EQ(Written(std::string_view()), R"({"t":""})");
}

// Longer than the room there is, with and without escapes, at each length around it.
TEST(JsonWriter, GrowsWithWhatIsWritten) {
  for (std::size_t size = 1000; size < 1100; ++size) {
    const std::string plain(size, 'x');
    EXPECT_EQ(Written(plain), WrittenByRapidJson(plain));
    const std::string escaped(size, '\x01');
    EXPECT_EQ(Written(escaped), WrittenByRapidJson(escaped));
  }
  const std::string long_text(100'000, 'x');
  EXPECT_EQ(Written(long_text), WrittenByRapidJson(long_text));
  JsonWriter json;
  json.StartObject();
  std::string expected = "{";
  for (int i = 0; i < 1000; ++i) {
    json.Field("n", i);
    json.Field("d", i / 2.0);
    json.Time("t", 0, 1);
    json.Null("z");
    json.StartArray("a");
    json.EndArray();
    expected += R"("n":)" + std::to_string(i) + R"(,"d":)" + std::to_string(i / 2) +
                (i % 2 == 0 ? ".0" : ".5") +
                R"(,"t":"1970-01-01T00:00:00.000000001Z","z":null,"a":[],)";
  }
  json.EndObject();
  expected.back() = '}';
  EXPECT_EQ(json.ToString(), expected);
}

TEST(JsonWriter, WritesTheLeastAndGreatestNumbers) {
  JsonWriter json;
  json.StartObject();
  json.Field("least", std::numeric_limits<std::int64_t>::min());
  json.Field("zero", std::uint64_t{0});
  json.Field("small", std::numeric_limits<std::int32_t>::min());
  json.Field("large", std::numeric_limits<std::int32_t>::max());
  json.EndObject();
  EXPECT_EQ(json.ToString(), R"({"least":-9223372036854775808,"zero":0,)"
                             R"("small":-2147483648,"large":2147483647})");
}

TEST(JsonWriter, WritesFractionsAsRapidJsonDoes) {
  for (const double value : {0.0, -0.0, 0.001, 0.0009, 0.1239, -1.5, 1234567.8901, 1e15, 1e21, 1e22,
                             -1.2345678901234567e-300, std::numeric_limits<double>::max(),
                             std::numeric_limits<double>::denorm_min()}) {
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    writer.SetMaxDecimalPlaces(3);
    writer.Double(value);
    JsonWriter json;
    json.StartObject();
    json.Field("v", value);
    json.EndObject();
    EXPECT_EQ(json.ToString(), R"({"v":)" + std::string(buffer.GetString()) + "}");
  }
}

TEST(JsonWriter, EscapesANameOfRunTime) {
  JsonWriter json;
  json.StartObject();
  json.RuntimeKey("a\"b");
  json.StartObject();
  json.EndObject();
  json.RuntimeKey("c");
  json.StartObject();
  json.Field("name as long as it may be: 29", 1);
  json.EndObject();
  json.EndObject();
  EXPECT_EQ(json.ToString(), R"({"a\"b":{},"c":{"name as long as it may be: 29":1}})");
}

TEST(JsonWriter, WritesElementsThatAreTextsAndWholeDocuments) {
  JsonWriter json;
  json.StartObject();
  json.StartArray("a");
  json.Text("x\"");
  json.Document(R"({"y":[1]})");
  json.Document("[]");
  json.EndArray();
  json.RuntimeKey("k");
  json.Text("");
  json.EndObject();
  EXPECT_EQ(json.ToString(), R"({"a":["x\"",{"y":[1]},[]],"k":""})");
}

TEST(JsonWriter, GivesItsTextAway) {
  JsonWriter json;
  EXPECT_EQ(json.ToString(), "");
  json.StartObject();
  json.Field("text", "comma,");
  json.EndObject();
  EXPECT_EQ(json.ToString(), R"({"text":"comma,"})");
  EXPECT_EQ(std::move(json).TakeString(), R"({"text":"comma,"})");
}

}  // namespace
}  // namespace scaleout::gateway
