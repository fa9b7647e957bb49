#include "gateway/json/query_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "common/str_cat.h"
#include "gateway/json/json_reader.h"

namespace scaleout::gateway {
namespace {

// A whole number in `min` to `max`, written without a sign but a minus and without blanks.
std::optional<std::int64_t> ParseInteger(std::string_view text, std::int64_t min,
                                         std::int64_t max) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < min || value > max) return std::nullopt;
  return value;
}

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

bool IsGraphic(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

}  // namespace

std::int64_t QueryReader::PathId(std::string_view name) {
  const std::optional<std::int64_t> id = ParseInteger(request_.PathParameter(name), 1, kMaxId);
  if (!id) Refuse(name, StrCat("must be an integer from 1 to ", kMaxId));
  return id.value_or(0);
}

std::int32_t QueryReader::PageSize() {
  const std::string* text = Find("page_size");
  if (text == nullptr) return kDefaultPageSize;
  if (!IsDigits(*text)) {
    Refuse("page_size", "must be an integer that is not negative");
    return kDefaultPageSize;
  }
  // Digits that do not parse are more than 64 bits hold.
  const std::int64_t size = ParseInteger(*text, 0, kMaxPageSize).value_or(kMaxPageSize);
  return size == 0 ? kDefaultPageSize : static_cast<std::int32_t>(size);
}

std::string QueryReader::PageToken() {
  const std::string* text = Find("page_token");
  if (text == nullptr) return {};
  if (text->size() > kMaxPageTokenBytes || !IsGraphic(*text)) {
    Refuse("page_token", "is not a token that this list has given");
    return {};
  }
  return *text;
}

std::int64_t QueryReader::OptionalId(std::string_view name) {
  const std::string* text = Find(name);
  if (text == nullptr) return 0;
  const std::optional<std::int64_t> id = ParseInteger(*text, 1, kMaxId);
  if (!id) Refuse(name, StrCat("must be an integer from 1 to ", kMaxId));
  return id.value_or(0);
}

std::int64_t QueryReader::Integer(std::string_view name, std::int64_t default_value,
                                  std::int64_t min, std::int64_t max) {
  const std::string* text = Find(name);
  if (text == nullptr) return default_value;
  const std::optional<std::int64_t> value = ParseInteger(*text, min, max);
  if (!value) Refuse(name, StrCat("must be an integer from ", min, " to ", max));
  return value.value_or(default_value);
}

std::string_view QueryReader::OneOf(std::string_view name,
                                    std::initializer_list<std::string_view> choices) {
  const std::string* text = Find(name);
  if (text == nullptr) return *choices.begin();
  const auto* found = std::find(choices.begin(), choices.end(), *text);
  if (found != choices.end()) return *found;
  std::string detail = "must be one of:";
  for (const std::string_view choice : choices) detail.append(" ").append(choice);
  Refuse(name, std::move(detail));
  return *choices.begin();
}

absl::Status QueryReader::Check() {
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : request_.query) {
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
    seen.push_back(name);
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
      Refuse(name, "is not a parameter of this request");
    }
  }
  return CheckFields(std::move(violations_));
}

const std::string* QueryReader::Find(std::string_view name) {
  known_.push_back(name);
  const std::string* found = nullptr;
  for (const auto& [key, value] : request_.query) {
    if (key != name) continue;
    if (found != nullptr) {
      Refuse(name, "must not appear more than once");
      break;
    }
    found = &value;
  }
  return found;
}

void QueryReader::Refuse(std::string_view name, std::string detail) {
  violations_.emplace_back(JsonPointer(name), std::move(detail));
}

}  // namespace scaleout::gateway
