// How often a user may ask anything, or a client's address where there is no login: RATE_LIMIT.
//
// One round trip to redis-state for each request. A request that is not limited costs nothing where
// the object is not made. Loop thread only; one object serves all loops.
#ifndef SCALEOUT_GATEWAY_AUTH_REQUEST_RATE_LIMIT_H_
#define SCALEOUT_GATEWAY_AUTH_REQUEST_RATE_LIMIT_H_

#include <memory>

#include "absl/status/status.h"
#include "common/metrics.h"
#include "gateway/auth/rate_limit.h"
#include "gateway/auth/rate_limiter.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class RequestRateLimit {
 public:
  // The references outlive the object.
  RequestRateLimit(const RateLimit& limit, RateLimiter& limiter, Metrics& metrics)
      : policy_("default", limit, metrics), limiter_(limiter) {}

  // By the context's principal and client, which are set by then. Notes what the answer's headers
  // say. A refusal is RESOURCE_EXHAUSTED with RATE_LIMITED.
  Task<absl::Status> Charge(RequestContext& context);

 private:
  const RateLimitPolicy policy_;
  RateLimiter& limiter_;
};

// Null where `limit` is off.
std::unique_ptr<RequestRateLimit> MakeRequestRateLimit(const RateLimit& limit, RateLimiter& limiter,
                                                       Metrics& metrics);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_REQUEST_RATE_LIMIT_H_
