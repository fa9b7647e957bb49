#include "proto/scaleout/type/v1/money_limits.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace scaleout::type::v1 {

std::optional<std::string> FindCurrencyCodeViolation(std::string_view value) {
  const bool is_code =
      value.size() == kCurrencyCodeCharacters && std::ranges::all_of(value, [](char c) {
        return absl::ascii_isupper(static_cast<unsigned char>(c));
      });
  if (is_code) return std::nullopt;
  return "must be an ISO 4217 code: three upper-case letters";
}

}  // namespace scaleout::type::v1
