#include "service/field_checks.h"

#include <algorithm>
#include <set>

#include "common/str_cat.h"
#include "service/typed_id.h"

namespace scaleout {
namespace {

// Of valid UTF-8, which protobuf sees to.
std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

bool HasControlCharacter(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

}  // namespace

void FieldChecks::Require(bool holds, std::string_view pointer, std::string_view detail) {
  if (!holds) violations_.emplace_back(std::string(pointer), std::string(detail));
}

void FieldChecks::Id(std::string_view pointer, std::int64_t value) {
  Require(IsValidId(value), pointer, "must be an id: a positive number below 2^53");
}

void FieldChecks::Text(std::string_view pointer, std::string_view value, std::size_t min,
                       std::size_t max) {
  const std::size_t size = CountCharacters(value);
  if (size < min || size > max) {
    Require(false, pointer, StrCat("must have ", min, " to ", max, " characters"));
  } else {
    Require(!HasControlCharacter(value), pointer, "must not hold control characters");
  }
}

void FieldChecks::IdempotencyKey(std::string_view pointer, std::string_view value) {
  Text(pointer, value, 0, kMaxIdempotencyKey);
}

void FieldChecks::BatchIds(std::string_view pointer, const std::vector<std::int64_t>& ids,
                           std::size_t max) {
  Require(!ids.empty() && ids.size() <= max, pointer, StrCat("must name 1 to ", max, " ids"));
  std::set<std::int64_t> seen;
  for (std::size_t i = 0; i < std::min(ids.size(), max); ++i) {
    Id(StrCat(pointer, "/", i), ids[i]);
    Require(seen.insert(ids[i]).second, StrCat(pointer, "/", i), "must not be named twice");
  }
}

}  // namespace scaleout
