// What a rate limit said about one request: RequestContext::rate_limits. The limiter notes it, the
// answer's headers say it (gateway/http/rate_limit_headers.h). Plain values.
#ifndef SCALEOUT_GATEWAY_RUNTIME_RATE_LIMIT_NOTE_H_
#define SCALEOUT_GATEWAY_RUNTIME_RATE_LIMIT_NOTE_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace scaleout::gateway {

struct RateLimitNote {
  std::string policy;  // letters, digits and hyphens
  std::int64_t requests = 0;
  std::chrono::seconds period{0};
  std::int64_t remaining = 0;
  std::chrono::microseconds next{0};  // until there is one more than that
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_RATE_LIMIT_NOTE_H_
