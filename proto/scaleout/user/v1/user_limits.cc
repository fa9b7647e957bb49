#include "proto/scaleout/user/v1/user_limits.h"

namespace scaleout::user::v1 {
namespace {

bool LooksLikeAnAddress(std::string_view value) {
  const std::size_t at = value.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < value.size() &&
         value.find('@', at + 1) == std::string_view::npos &&
         value.find(' ') == std::string_view::npos;
}

}  // namespace

rpc::v1::Violation FindEmailViolation(std::string_view value) {
  rpc::v1::Violation violation =
      rpc::v1::FindTextViolation(value, kMinEmailCharacters, kMaxEmailCharacters);
  if (!violation && !LooksLikeAnAddress(value)) violation = "must be an e-mail address";
  return violation;
}

rpc::v1::Violation FindNameViolation(std::string_view value) {
  return rpc::v1::FindTextViolation(value, kMinNameCharacters, kMaxNameCharacters);
}

}  // namespace scaleout::user::v1
