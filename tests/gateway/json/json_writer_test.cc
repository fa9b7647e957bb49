#include "gateway/json/json_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

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

}  // namespace
}  // namespace scaleout::gateway
