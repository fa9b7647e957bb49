#include "gateway/auth/rate_limit_keys.h"

#include <openssl/sha.h>
#include <utf8proc.h>

#include <array>
#include <cstddef>
#include <vector>

#include "common/str_cat.h"
#include "common/utf8.h"

namespace scaleout::gateway {
namespace {

constexpr utf8proc_int32_t kCapitalIWithDot = 0x130;
constexpr utf8proc_int32_t kDotlessI = 0x131;
constexpr utf8proc_int32_t kDotAbove = 0x307;

// Hexadecimal digits of a key: 128 bits, so that two accounts do not share one by chance.
constexpr std::size_t kDigestBytes = 16;

utf8proc_int32_t WithoutTurkishCase(utf8proc_int32_t character, void*) {
  return character == kCapitalIWithDot || character == kDotlessI ? 'i' : character;
}

// A dot above an i or a j, also one that stands behind other marks of it: Lithuanian and Turkish
// rules of lower case add and remove it.
bool IsDotOverI(utf8proc_int32_t base, utf8proc_int32_t character) {
  return character == kDotAbove && (base == 'i' || base == 'j');
}

}  // namespace

std::string FoldAccount(std::string_view email) {
  if (!IsUtf8(email)) return std::string(email);
  const auto* const text = reinterpret_cast<const utf8proc_uint8_t*>(email.data());
  const auto size = static_cast<utf8proc_ssize_t>(email.size());
  const auto options =
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STABLE);
  // A character becomes at most four, and a byte is at most one character.
  std::vector<utf8proc_int32_t> characters(4 * email.size());
  const utf8proc_ssize_t count = utf8proc_decompose_custom(
      text, size, characters.data(), static_cast<utf8proc_ssize_t>(characters.size()), options,
      &WithoutTurkishCase, nullptr);
  if (count < 0 || count > static_cast<utf8proc_ssize_t>(characters.size())) {
    return std::string(email);
  }
  characters.resize(static_cast<std::size_t>(count));
  std::string folded;
  utf8proc_int32_t base = 0;
  for (const utf8proc_int32_t character : characters) {
    if (utf8proc_get_property(character)->combining_class == 0) base = character;
    if (IsDotOverI(base, character)) continue;
    std::array<utf8proc_uint8_t, 4> bytes{};
    const utf8proc_ssize_t length = utf8proc_encode_char(character, bytes.data());
    folded.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
  }
  return folded;
}

std::string RateLimitKey(std::string_view policy, std::initializer_list<std::string_view> parts) {
  std::string whole;
  for (const std::string_view part : parts) {
    absl::StrAppend(&whole, part.size(), ":", ToAbsl(part));
  }
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(whole.data()), whole.size(), digest.data());
  std::string key = StrCat("rate:", policy, ":");
  for (std::size_t i = 0; i < kDigestBytes; ++i) {
    absl::StrAppend(&key, absl::Hex(digest[i], absl::kZeroPad2));
  }
  return key;
}

}  // namespace scaleout::gateway
