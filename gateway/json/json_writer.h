// Writes one JSON document into a string, with the words that responses are made of.
//
// Strings are UTF-8, and are not checked here: what comes from clients was checked when it was read
// (json_reader.h), what comes from services by Protobuf. A number that JSON cannot express (NaN,
// infinity) is 0; others have at most three decimals, as RapidJSON writes them. The caller keeps
// the order of calls that a document needs: a key before each value of an object, an End for each
// Start. Each value is followed by a comma, which the next End or the end of the document takes
// away. Thread-compatible.
#ifndef SCALEOUT_GATEWAY_JSON_JSON_WRITER_H_
#define SCALEOUT_GATEWAY_JSON_JSON_WRITER_H_

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/json/time_text.h"

namespace scaleout::gateway {

// The name of a member, a literal that needs no escape: `"name":` ready to be copied. A name that
// is too long or needs an escape does not compile.
class JsonKey {
 public:
  // Of the text, quotes and colon included. Copied whole, which costs less than a call of memcpy.
  static constexpr std::size_t kCopiedBytes = 32;

  // Implicit, so that a call has the name alone: json.Field("id", 7).
  template <std::size_t kSize>
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval JsonKey(const char (&name)[kSize]) : size_(kSize + 2) {
    static_assert(kSize + 2 <= kCopiedBytes, "the name is too long");
    text_[0] = '"';
    for (std::size_t i = 0; i + 1 < kSize; ++i) {
      if (name[i] < ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\') {
        throw "the name needs an escape";
      }
      text_[i + 1] = name[i];
    }
    text_[kSize] = '"';
    text_[kSize + 1] = ':';
  }

  // Writes kCopiedBytes; returns the end of the text.
  char* CopyTo(char* out) const {
    std::memcpy(out, text_.data(), kCopiedBytes);
    return out + size_;
  }

 private:
  std::array<char, kCopiedBytes> text_{};
  std::size_t size_;
};

class JsonWriter {
 public:
  JsonWriter() : body_(kFirstBytes, '\0'), end_(body_.data()), limit_(end_ + kFirstBytes) {}
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  void StartObject() { Put('{'); }
  void StartObject(const JsonKey& key) {
    Key(key);
    Put('{');
  }
  void EndObject() { End('}'); }
  void StartArray(const JsonKey& key) {
    Key(key);
    Put('[');
  }
  void EndArray() { End(']'); }

  void Key(const JsonKey& key) { end_ = key.CopyTo(Reserve(JsonKey::kCopiedBytes)); }
  // A name that is known at run time only.
  void RuntimeKey(std::string_view name) {
    AppendText(name);
    end_[-1] = ':';
  }
  void Field(const JsonKey& key, std::int64_t value) { Integer(key, value); }
  void Field(const JsonKey& key, std::uint64_t value) { Integer(key, value); }
  void Field(const JsonKey& key, std::int32_t value) { Integer(key, std::int64_t{value}); }
  void Field(const JsonKey& key, double value) {
    Key(key);
    AppendDouble(value);
  }
  void Field(const JsonKey& key, bool value) {
    Key(key);
    AppendRaw(value ? "true," : "false,");
  }
  void Field(const JsonKey& key, std::string_view value) {
    Key(key);
    AppendText(value);
  }
  // Without it a literal would be a bool.
  void Field(const JsonKey& key, const char* value) { Field(key, std::string_view(value)); }
  // An element of an array, or the value after a RuntimeKey.
  void Text(std::string_view value) { AppendText(value); }
  // A whole document as the next value, as it is.
  void Document(std::string_view json) {
    AppendRaw(json);
    Put(',');
  }
  // RFC 3339 (time_text.h).
  void Time(const JsonKey& key, std::int64_t seconds, std::int32_t nanos) {
    char* out = key.CopyTo(Reserve(JsonKey::kCopiedBytes + kMaxTimeBytes + 3));
    *out++ = '"';
    out = times_.Write(out, seconds, nanos);
    *out++ = '"';
    *out++ = ',';
    end_ = out;
  }
  void Null(const JsonKey& key) {
    Key(key);
    AppendRaw("null,");
  }
  // null if `value` is empty.
  void OptionalField(const JsonKey& key, std::string_view value) {
    if (value.empty()) {
      Null(key);
    } else {
      Field(key, value);
    }
  }

  // Of what is written, without the comma at its end.
  std::size_t size() const {
    const auto size = static_cast<std::size_t>(end_ - body_.data());
    return size != 0 && end_[-1] == ',' ? size - 1 : size;
  }
  std::string ToString() const { return body_.substr(0, size()); }
  // As ToString, without a copy; the writer is of no use afterwards.
  std::string TakeString() && {
    body_.resize(size());
    return std::move(body_);
  }

 private:
  static constexpr std::size_t kFirstBytes = 1024;
  // "-9223372036854775808"; "18446744073709551615" is as long.
  static constexpr std::size_t kMaxIntegerBytes = 20;

  // Where the next `bytes` are written.
  char* Reserve(std::size_t bytes) {
    if (static_cast<std::size_t>(limit_ - end_) < bytes) Grow(bytes);
    return end_;
  }
  void Grow(std::size_t bytes);

  void Put(char c) {
    *Reserve(1) = c;
    ++end_;
  }
  void End(char bracket) {
    char* out = Reserve(2);
    if (out[-1] == ',') --out;
    *out++ = bracket;
    *out++ = ',';
    end_ = out;
  }
  template <typename Value>
  void Integer(const JsonKey& key, Value value) {
    char* out = key.CopyTo(Reserve(JsonKey::kCopiedBytes + kMaxIntegerBytes + 1));
    out = std::to_chars(out, out + kMaxIntegerBytes, value).ptr;
    *out++ = ',';
    end_ = out;
  }

  void AppendRaw(std::string_view text) {
    std::memcpy(Reserve(text.size()), text.data(), text.size());
    end_ += text.size();
  }
  void AppendText(std::string_view text);
  void AppendDouble(double value);

  std::string body_;  // what is written, and room for more
  char* end_;         // of what is written
  char* limit_;       // of the room
  TimeText times_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_JSON_JSON_WRITER_H_
