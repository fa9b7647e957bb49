#include "gateway/auth/auth_refusal.h"

#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

// A gateway that has lost sight of sessions finds them again within about a second.
constexpr std::string_view kSessionRetryAfterMs = "1000";

}  // namespace

absl::Status Unauthenticated(std::string_view detail) {
  return WithReason(absl::UnauthenticatedError(ToAbsl(detail)), kReasonUnauthenticated);
}

absl::Status InvalidToken() {
  return WithReason(absl::UnauthenticatedError("The access token is not valid."),
                    kReasonInvalidToken);
}

absl::Status ExpiredToken() {
  return WithReason(absl::UnauthenticatedError("The access token has expired."),
                    kReasonInvalidToken);
}

absl::Status SessionEnded() {
  return WithReason(absl::UnauthenticatedError("The session of the access token has ended."),
                    kReasonSessionEnded);
}

absl::Status Forbidden() {
  return WithReason(absl::PermissionDeniedError("This needs the role admin."), kReasonForbidden);
}

absl::Status SessionUnknown() {
  return WithReason(
      absl::UnavailableError("Whether the session is alive cannot be checked at the moment."),
      kReasonSessionUnknown, {{"retryAfterMs", std::string(kSessionRetryAfterMs)}});
}

}  // namespace scaleout::gateway
