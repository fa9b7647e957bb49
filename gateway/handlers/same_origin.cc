#include "gateway/handlers/same_origin.h"

#include <optional>
#include <string_view>

#include "absl/strings/match.h"
#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

// Host and port of "https://shop.example:8443"; nothing for "null", which a browser sends for an
// origin that it hides.
std::optional<std::string_view> AuthorityOf(std::string_view origin) {
  constexpr std::string_view kSeparator = "://";
  const std::size_t separator = origin.find(kSeparator);
  if (separator == std::string_view::npos) return std::nullopt;
  return origin.substr(separator + kSeparator.size());
}

bool IsSameOrigin(const Request& request) {
  if (const auto site = request.FindHeader("sec-fetch-site")) {
    // "none" is the user's own doing, such as a bookmark.
    return *site == "same-origin" || *site == "none";
  }
  const std::optional<std::string_view> origin = request.FindHeader("origin");
  if (!origin) return true;
  const std::optional<std::string_view> authority = AuthorityOf(*origin);
  const std::optional<std::string_view> host = request.FindHeader("host");
  return authority && host && absl::EqualsIgnoreCase(ToAbsl(*authority), ToAbsl(*host));
}

}  // namespace

absl::Status CheckSameOrigin(const Request& request) {
  if (IsSameOrigin(request)) return absl::OkStatus();
  return WithReason(
      absl::PermissionDeniedError("A page of another origin may not send this request."),
      "CROSS_SITE");
}

}  // namespace scaleout::gateway
