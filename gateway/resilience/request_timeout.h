// X-Request-Timeout-Ms: how long the client is willing to wait, as a whole number of milliseconds.
//
// The header shortens a route's limit and never extends it. Pure.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_REQUEST_TIMEOUT_H_
#define SCALEOUT_GATEWAY_RESILIENCE_REQUEST_TIMEOUT_H_

#include <chrono>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"

namespace scaleout::gateway {

inline constexpr std::string_view kRequestTimeoutHeader = "X-Request-Timeout-Ms";

// The time that the request has: `limit` if there is no header, else whichever is shorter. Anything
// but a positive decimal integer (digits only; any length, for a huge one is just no restriction)
// is INVALID_ARGUMENT with one field violation.
absl::StatusOr<std::chrono::milliseconds> ParseRequestTimeout(
    std::optional<std::string_view> header, std::chrono::milliseconds limit);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_REQUEST_TIMEOUT_H_
