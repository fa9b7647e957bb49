// How many forged tokens a client's address may send: AUTH_FORGED_TOKEN_RATE.
//
// A made-up token that names a key of ours costs its loop a signature check, and its refusal comes
// before the other rate limits. So signatures that fail are counted, by this instance alone, and an
// address that is over its limit is refused before another is checked. What a loop remembers as
// verified (token_memory.h) is not looked at here: only a token that is new to the loop and comes
// from such an address is refused though it may be good. Bounded: of more than
// kMaxForgedTokenAddresses addresses the ones that were not charged for longest are forgotten.
// Thread-safe, with one short lock; all loops share one.
#ifndef SCALEOUT_GATEWAY_AUTH_FORGED_TOKEN_LIMIT_H_
#define SCALEOUT_GATEWAY_AUTH_FORGED_TOKEN_LIMIT_H_

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "common/metrics.h"
#include "gateway/auth/local_rate_limits.h"
#include "gateway/auth/rate_limit.h"
#include "gateway/auth/rate_limiter.h"
#include "gateway/runtime/request_context.h"

namespace scaleout::gateway {

inline constexpr std::size_t kMaxForgedTokenAddresses = 10'000;

class ForgedTokenLimit {
 public:
  // `metrics` outlives the object.
  ForgedTokenLimit(const RateLimit& limit, Metrics& metrics)
      : policy_("forged-token", limit, metrics) {}

  // Before a signature is checked, by the context's client: OK, or RESOURCE_EXHAUSTED with
  // RATE_LIMITED, which is noted for the answer's headers. Charges nothing.
  absl::Status Check(RequestContext& context);
  // After a signature has failed.
  void Charge(const RequestContext& context);

 private:
  const RateLimitPolicy policy_;
  LocalRateLimits failures_{kMaxForgedTokenAddresses};
};

// Null where `limit` is off.
std::unique_ptr<ForgedTokenLimit> MakeForgedTokenLimit(const RateLimit& limit, Metrics& metrics);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_FORGED_TOKEN_LIMIT_H_
