#include "common/session_number.h"

#include <cstddef>

namespace scaleout {
namespace {

constexpr std::size_t kDigits = 16;  // of each half

std::optional<std::uint64_t> FindHalf(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char digit : digits) {
    std::uint64_t four_bits = 0;
    if (digit >= '0' && digit <= '9') {
      four_bits = static_cast<std::uint64_t>(digit - '0');
    } else if (digit >= 'a' && digit <= 'f') {
      four_bits = static_cast<std::uint64_t>(digit - 'a' + 10);
    } else {
      return std::nullopt;
    }
    value = value << 4 | four_bits;
  }
  return value;
}

void AppendHalf(std::uint64_t value, std::string& text) {
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[value >> shift & 0xF];
}

}  // namespace

std::optional<SessionNumber> FindSessionNumber(std::string_view id) {
  if (id.size() != 2 * kDigits) return std::nullopt;
  const auto high = FindHalf(id.substr(0, kDigits));
  const auto low = FindHalf(id.substr(kDigits));
  if (!high || !low) return std::nullopt;
  return SessionNumber{.high = *high, .low = *low};
}

std::string SessionIdOf(const SessionNumber& session) {
  std::string text;
  text.reserve(2 * kDigits);
  AppendHalf(session.high, text);
  AppendHalf(session.low, text);
  return text;
}

}  // namespace scaleout
