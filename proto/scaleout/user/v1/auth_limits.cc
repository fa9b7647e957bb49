#include "proto/scaleout/user/v1/auth_limits.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace scaleout::user::v1 {
namespace {

bool IsLowerHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

rpc::v1::Violation FindPasswordViolation(std::string_view value) {
  if (value.size() < kMinPasswordBytes || value.size() > kMaxPasswordBytes) {
    return absl::StrCat("must have ", kMinPasswordBytes, " to ", kMaxPasswordBytes, " bytes");
  }
  const auto is_control = [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); };
  if (std::ranges::any_of(value, is_control)) return "must not contain control characters";
  return std::nullopt;
}

rpc::v1::Violation FindLoginPasswordViolation(std::string_view value) {
  if (!value.empty() && value.size() <= kMaxPasswordBytes) return std::nullopt;
  return absl::StrCat("must have 1 to ", kMaxPasswordBytes, " bytes");
}

rpc::v1::Violation FindSessionIdViolation(std::string_view value) {
  if (value.size() == kSessionIdCharacters && std::ranges::all_of(value, IsLowerHexDigit)) {
    return std::nullopt;
  }
  return absl::StrCat("must have ", kSessionIdCharacters, " lower-case hexadecimal digits");
}

}  // namespace scaleout::user::v1
