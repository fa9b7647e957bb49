#include "proto/scaleout/rpc/v1/request_limits.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace scaleout::rpc::v1 {
namespace {

constexpr std::size_t kUuidCharacters = 36;

// Every byte of UTF-8 but those that continue a character.
std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool HasControlCharacter(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

bool IsPrintable(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); });
}

bool IsGraphic(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

}  // namespace

Violation FindIdViolation(std::optional<std::int64_t> value) {
  return FindIntegerViolation(value, 1, kMaxId);
}

Violation FindIntegerViolation(std::optional<std::int64_t> value, std::int64_t min,
                               std::int64_t max) {
  if (value && *value >= min && *value <= max) return std::nullopt;
  return absl::StrCat("must be an integer from ", min, " to ", max);
}

Violation FindTextViolation(std::string_view value, std::size_t min_characters,
                            std::size_t max_characters) {
  const std::size_t characters = CountCharacters(value);
  if (characters < min_characters || characters > max_characters) {
    return absl::StrCat("must have ", min_characters, " to ", max_characters, " characters");
  }
  if (HasControlCharacter(value)) return "must not contain control characters";
  return std::nullopt;
}

Violation FindIdempotencyKeyViolation(std::string_view value) {
  if (!value.empty() && value.size() <= kMaxIdempotencyKeyCharacters && IsPrintable(value)) {
    return std::nullopt;
  }
  return absl::StrCat("must have 1 to ", kMaxIdempotencyKeyCharacters,
                      " printable ASCII characters");
}

bool IsUuid(std::string_view value) {
  if (value.size() != kUuidCharacters) return false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

Violation FindUuidViolation(std::string_view value) {
  if (IsUuid(value)) return std::nullopt;
  return "must be a UUID in lower case";
}

Violation FindPageSizeViolation(std::optional<std::int64_t> value) {
  if (value && *value >= 0) return std::nullopt;
  return "must be an integer that is not negative";
}

std::int32_t EffectivePageSize(std::int64_t value) {
  if (value <= 0) return kDefaultPageSize;
  return static_cast<std::int32_t>(std::min<std::int64_t>(value, kMaxPageSize));
}

Violation FindPageTokenViolation(std::string_view value) {
  if (value.size() <= kMaxPageTokenBytes && IsGraphic(value)) return std::nullopt;
  return std::string(kForeignPageToken);
}

Violation NamedIds::FindViolation(std::int64_t id) {
  if (!IsValidId(id) || seen_.insert(id).second) return std::nullopt;
  return "must not be named twice";
}

}  // namespace scaleout::rpc::v1
