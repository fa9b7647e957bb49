#include "services/user/revocation_page.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "common/str_cat.h"
#include "proto/scaleout/user/v1/auth_limits.h"

namespace scaleout::user {
namespace {

std::int32_t EffectiveSize(std::int32_t size) {
  if (size == 0) return v1::kDefaultRevocationsPage;
  return std::min(size, v1::kMaxRevocationsPage);
}

std::optional<Revocation> ParseToken(std::string_view token) {
  const std::size_t dot = token.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view digits = token.substr(0, dot);
  std::int64_t revoked_us = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + dot, revoked_us);
  const std::optional<SessionId> id = SessionId::Parse(token.substr(dot + 1));
  if (error != std::errc() || end != digits.data() + dot || revoked_us < 0 || !id) {
    return std::nullopt;
  }
  return Revocation{*id, revoked_us};
}

}  // namespace

RevocationPage ParseRevocationPage(const v1::ListRevocationsRequest& request, FieldChecks& checks) {
  checks.Refuse("page_size", rpc::v1::FindPageSizeViolation(request.page_size()));
  RevocationPage page{std::nullopt, EffectiveSize(request.page_size())};
  if (request.page_token().empty()) return page;
  page.after = ParseToken(request.page_token());
  checks.Require(page.after.has_value(), "page_token", rpc::v1::kForeignPageToken);
  return page;
}

std::string MakeRevocationToken(const Revocation& last) {
  return StrCat(last.revoked_us, ".", last.id.hex());
}

}  // namespace scaleout::user
