#include "gateway/resilience/request_timeout.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

absl::Status Malformed() {
  return CheckFields({FieldViolation(StrCat("/headers/", kRequestTimeoutHeader),
                                     "must be a positive whole number of milliseconds")});
}

}  // namespace

absl::StatusOr<std::chrono::milliseconds> ParseRequestTimeout(
    std::optional<std::string_view> header, std::chrono::milliseconds limit) {
  if (!header) return limit;
  if (header->empty()) return Malformed();
  constexpr std::int64_t kEnough = std::numeric_limits<std::int64_t>::max() / 10 - 1;
  std::int64_t asked = 0;
  for (const char c : *header) {
    if (c < '0' || c > '9') return Malformed();
    asked = asked > kEnough ? asked : asked * 10 + (c - '0');
  }
  if (asked == 0) return Malformed();
  return std::min(std::chrono::milliseconds(asked), limit);
}

}  // namespace scaleout::gateway
