// Writes one JSON document: RapidJSON's Writer with the words that responses are made of.
//
// Strings are UTF-8, and are not checked here: what comes from clients was checked when it was read
// (json_reader.h), what comes from services by Protobuf. A number that JSON cannot express (NaN,
// infinity) is 0; others have at most three decimals. The caller keeps the order of calls that a
// document needs: a key before each value of an object, an End for each Start. Thread-compatible.
#ifndef SCALEOUT_GATEWAY_JSON_JSON_WRITER_H_
#define SCALEOUT_GATEWAY_JSON_JSON_WRITER_H_

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace scaleout::gateway {

class JsonWriter {
 public:
  JsonWriter() { writer_.SetMaxDecimalPlaces(3); }
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  void StartObject() { writer_.StartObject(); }
  void StartObject(std::string_view key) {
    Key(key);
    writer_.StartObject();
  }
  void EndObject() { writer_.EndObject(); }
  void StartArray(std::string_view key) {
    Key(key);
    writer_.StartArray();
  }
  void EndArray() { writer_.EndArray(); }

  void Key(std::string_view key) {
    writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  }
  void Field(std::string_view key, std::int64_t value) {
    Key(key);
    writer_.Int64(value);
  }
  void Field(std::string_view key, std::uint64_t value) {
    Key(key);
    writer_.Uint64(value);
  }
  void Field(std::string_view key, std::int32_t value) { Field(key, std::int64_t{value}); }
  void Field(std::string_view key, double value) {
    Key(key);
    writer_.Double(std::isfinite(value) ? value : 0);
  }
  void Field(std::string_view key, bool value) {
    Key(key);
    writer_.Bool(value);
  }
  void Field(std::string_view key, std::string_view value) {
    Key(key);
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
  // Without it a literal would be a bool.
  void Field(std::string_view key, const char* value) { Field(key, std::string_view(value)); }
  void Null(std::string_view key) {
    Key(key);
    writer_.Null();
  }
  // null if `value` is empty.
  void OptionalField(std::string_view key, std::string_view value) {
    if (value.empty()) {
      Null(key);
    } else {
      Field(key, value);
    }
  }

  std::string ToString() const { return std::string(buffer_.GetString(), buffer_.GetSize()); }

 private:
  static constexpr std::size_t kFirstBytes = 1024;

  rapidjson::StringBuffer buffer_{nullptr, kFirstBytes};
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_JSON_JSON_WRITER_H_
