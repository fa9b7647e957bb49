#include "gateway/json/json_writer.h"

#include <rapidjson/writer.h>

#include <algorithm>
#include <cmath>

namespace scaleout::gateway {
namespace {

constexpr std::size_t kMaxEscapeBytes = 6;   // \u001F
constexpr std::size_t kMaxDoubleBytes = 32;  // of which RapidJSON needs 25
constexpr int kMaxDecimals = 3;

bool NeedsEscape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

constexpr std::uint64_t EightTimes(std::uint64_t byte) { return byte * 0x0101'0101'0101'0101; }

// The top bit of each byte that is zero, and perhaps of the one above such a byte.
std::uint64_t ZeroBytes(std::uint64_t word) {
  return (word - EightTimes(0x01)) & ~word & EightTimes(0x80);
}

// Whether one of the eight bytes needs an escape. The test for small bytes may say so of the one
// above a small byte, too, which does not change the answer.
bool AnyNeedsEscape(std::uint64_t word) {
  const std::uint64_t control = (word - EightTimes(0x20)) & ~word & EightTimes(0x80);
  return (control | ZeroBytes(word ^ EightTimes('"')) | ZeroBytes(word ^ EightTimes('\\'))) != 0;
}

// How many bytes at the beginning need no escape.
std::size_t PlainBytes(std::string_view text) {
  std::size_t i = 0;
  for (std::uint64_t word; i + sizeof(word) <= text.size(); i += sizeof(word)) {
    std::memcpy(&word, text.data() + i, sizeof(word));
    if (AnyNeedsEscape(word)) break;
  }
  while (i < text.size() && !NeedsEscape(text[i])) ++i;
  return i;
}

char ShortEscape(char c) {
  switch (c) {
    case '"':
    case '\\':
      return c;
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return '\0';
  }
}

// Writes at most kMaxEscapeBytes; returns their end.
char* WriteEscape(char* out, char c) {
  constexpr std::string_view kHexDigits = "0123456789ABCDEF";
  *out++ = '\\';
  if (const char letter = ShortEscape(c); letter != '\0') {
    *out++ = letter;
    return out;
  }
  constexpr std::string_view kPrefix = "u00";
  std::memcpy(out, kPrefix.data(), kPrefix.size());
  out += kPrefix.size();
  const auto byte = static_cast<unsigned char>(c);
  *out++ = kHexDigits[byte / 16];
  *out++ = kHexDigits[byte % 16];
  return out;
}

// What rapidjson::Writer writes to.
struct Output {
  using Ch = char;
  void Put(char c) { *end++ = c; }
  void Flush() {}
  char* end;
};

}  // namespace

void JsonWriter::Grow(std::size_t bytes) {
  const auto size = static_cast<std::size_t>(end_ - body_.data());
  body_.resize(std::max(2 * body_.size(), size + bytes));
  end_ = body_.data() + size;
  limit_ = body_.data() + body_.size();
}

void JsonWriter::AppendText(std::string_view text) {
  Put('"');
  while (true) {
    const std::size_t plain = PlainBytes(text);
    char* out = Reserve(plain + kMaxEscapeBytes);
    out += text.copy(out, plain);
    if (plain == text.size()) {
      *out++ = '"';
      *out++ = ',';
      end_ = out;
      return;
    }
    end_ = WriteEscape(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
}

void JsonWriter::AppendDouble(double value) {
  Output output{Reserve(kMaxDoubleBytes)};
  rapidjson::Writer<Output> writer(output);
  writer.SetMaxDecimalPlaces(kMaxDecimals);
  writer.Double(std::isfinite(value) ? value : 0);
  *output.end++ = ',';
  end_ = output.end;
}

}  // namespace scaleout::gateway
