#include "gateway/json/query_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "gateway/json/json_reader.h"
#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::gateway {
namespace {

// A whole number, written without a sign but a minus and without blanks.
std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Digits only; more than 64 bits hold is the most that they hold.
std::optional<std::int64_t> ParseSize(std::string_view text) {
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!digits) return std::nullopt;
  return ParseInteger(text).value_or(std::numeric_limits<std::int64_t>::max());
}

}  // namespace

std::int64_t QueryReader::PathId(std::string_view name) {
  return Id(name, request_.PathParameter(name));
}

std::int32_t QueryReader::PageSize() {
  const std::string* text = Find("page_size");
  if (text == nullptr) return rpc::v1::kDefaultPageSize;
  const std::optional<std::int64_t> size = ParseSize(*text);
  if (const rpc::v1::Violation violation = rpc::v1::FindPageSizeViolation(size)) {
    Refuse("page_size", *violation);
    return rpc::v1::kDefaultPageSize;
  }
  return rpc::v1::EffectivePageSize(*size);
}

std::string QueryReader::PageToken() {
  const std::string* text = Find("page_token");
  if (text == nullptr) return {};
  if (const rpc::v1::Violation violation = rpc::v1::FindPageTokenViolation(*text)) {
    Refuse("page_token", *violation);
    return {};
  }
  return *text;
}

std::int64_t QueryReader::OptionalId(std::string_view name) {
  const std::string* text = Find(name);
  return text == nullptr ? 0 : Id(name, *text);
}

std::int64_t QueryReader::Integer(std::string_view name, std::int64_t default_value,
                                  std::int64_t min, std::int64_t max) {
  const std::string* text = Find(name);
  if (text == nullptr) return default_value;
  const std::optional<std::int64_t> value = ParseInteger(*text);
  if (const rpc::v1::Violation violation = rpc::v1::FindIntegerViolation(value, min, max)) {
    Refuse(name, *violation);
    return default_value;
  }
  return *value;
}

std::string_view QueryReader::OneOf(std::string_view name,
                                    std::initializer_list<std::string_view> choices) {
  return OneOf(name, std::vector<std::string_view>(choices));
}

std::string_view QueryReader::OneOf(std::string_view name,
                                    const std::vector<std::string_view>& choices) {
  const std::string* text = Find(name);
  if (text == nullptr) return choices.front();
  const auto found = std::find(choices.begin(), choices.end(), *text);
  if (found != choices.end()) return *found;
  std::string detail = "must be one of:";
  for (const std::string_view choice : choices) detail.append(" ").append(choice);
  Refuse(name, std::move(detail));
  return choices.front();
}

absl::Status QueryReader::Check() { return CheckFields(TakeViolations()); }

std::vector<FieldViolation> QueryReader::TakeViolations() {
  std::set<std::string_view> seen;
  for (const auto& [name, value] : request_.query) {
    if (!seen.insert(name).second) continue;
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
      Refuse(name, "is not a parameter of this request");
    }
  }
  return std::move(violations_);
}

std::int64_t QueryReader::Id(std::string_view name, std::string_view text) {
  const std::optional<std::int64_t> id = ParseInteger(text);
  if (const rpc::v1::Violation violation = rpc::v1::FindIdViolation(id)) {
    Refuse(name, *violation);
    return 0;
  }
  return *id;
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
