// The statuses of what is refused because of who asks: one place for their codes and reasons, of
// which problem documents and WWW-Authenticate are made (gateway/http/problem.h). None says
// anything of a token but that it has expired. Pure.
#ifndef SCALEOUT_GATEWAY_AUTH_AUTH_REFUSAL_H_
#define SCALEOUT_GATEWAY_AUTH_AUTH_REFUSAL_H_

#include <string_view>

#include "absl/status/status.h"

namespace scaleout::gateway {

inline constexpr std::string_view kReasonUnauthenticated = "UNAUTHENTICATED";
inline constexpr std::string_view kReasonInvalidToken = "INVALID_TOKEN";
inline constexpr std::string_view kReasonSessionEnded = "SESSION_ENDED";
inline constexpr std::string_view kReasonForbidden = "FORBIDDEN";
inline constexpr std::string_view kReasonSessionUnknown = "SESSION_UNKNOWN";

// 401: nothing says who asks, or nothing that is understood; `detail` is for people.
absl::Status Unauthenticated(std::string_view detail);
// 401: a token that is not one of ours, or not any more. All of them look alike.
absl::Status InvalidToken();
absl::Status ExpiredToken();
// 401: a valid token whose session has ended.
absl::Status SessionEnded();
// 403: the token's role may not.
absl::Status Forbidden();
// 503 with Retry-After: whether the session is alive cannot be said now.
absl::Status SessionUnknown();

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_AUTH_REFUSAL_H_
