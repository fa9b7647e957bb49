// The status of a call that is refused because too much is at work already. Pure.
#ifndef SCALEOUT_SERVICE_OVERLOADED_H_
#define SCALEOUT_SERVICE_OVERLOADED_H_

#include <chrono>
#include <string_view>

#include "absl/status/status.h"

namespace scaleout {

// UNAVAILABLE with reason OVERLOADED, which gateways do not repeat and which opens no breaker, and
// after how long the client is to come again.
absl::Status Overloaded(std::string_view message,
                        std::chrono::milliseconds retry_after = std::chrono::seconds(1));

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_OVERLOADED_H_
