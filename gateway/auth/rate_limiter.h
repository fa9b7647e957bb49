// Rate limits over all gateways: one script on redis-state, with Redis's own time.
//
// A call names what it counts against, several things perhaps; all are checked first and charged
// only if all pass, in one step of the server and one round trip. A key holds one time
// (rate_limit.h) and expires when its bucket is empty.
//
// redis-state away or frozen: the instance decides by itself after kMaxRateLimitWait at most, by
// its share: the limit over the number of instances that it last knew of, but at least one request.
// So the limit holds roughly, it is never open, and what was charged on Redis is not known here,
// nor the other way round. The share is kept for at most kMaxLocalRateKeys keys; of more, the ones
// that were not charged for longest are forgotten. Loop thread only; one object serves all loops,
// and its local share has one short lock.
#ifndef SCALEOUT_GATEWAY_AUTH_RATE_LIMITER_H_
#define SCALEOUT_GATEWAY_AUTH_RATE_LIMITER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/auth/rate_limit.h"
#include "gateway/redis/loop_redis.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// The longest that a request waits for redis-state, the text of the script included.
inline constexpr Duration kMaxRateLimitWait = std::chrono::milliseconds(50);
inline constexpr std::size_t kMaxLocalRateKeys = 10'000;
// The reason of a refusal.
inline constexpr std::string_view kReasonRateLimited = "RATE_LIMITED";

// A limit with a name, which is in headers, problem documents and metrics: "login-account".
class RateLimitPolicy {
 public:
  RateLimitPolicy(std::string_view name, const RateLimit& limit, Metrics& metrics);

  const std::string name;
  const RateLimit limit;
  Counter& allowed;
  Counter& refused;
};

struct RateLimitCharge {
  const RateLimitPolicy* policy;  // whose limit is on
  std::string key;                // RateLimitKey
};

struct RateLimitDecision {
  bool allowed = true;
  // Of the charges: the one that refuses, and of those the one with the longest wait; or else the
  // one that has the fewest left.
  std::size_t which = 0;
  std::int64_t remaining = 0;         // of that one
  std::chrono::microseconds next{0};  // until it has one more
};

class RateLimiter {
 public:
  virtual ~RateLimiter() = default;
  // At least one charge. DEADLINE_EXCEEDED where the request's own time is over.
  virtual Task<absl::StatusOr<RateLimitDecision>> Charge(RequestContext& context,
                                                         std::vector<RateLimitCharge> charges) = 0;
};

// `redis_state` outlives the limiter; null: there is none, and the share is all there is.
// `instances` is how many there are; it is called on any loop.
std::unique_ptr<RateLimiter> MakeRateLimiter(const LoopRedis* redis_state,
                                             std::function<int()> instances, Metrics& metrics,
                                             Duration max_wait = kMaxRateLimitWait);

// Notes in the context what the answer's headers say of the policy (rate_limit_note.h).
void NoteRateLimit(RequestContext& context, const RateLimitPolicy& policy,
                   const RateLimitDecision& decision);

// RESOURCE_EXHAUSTED with RATE_LIMITED, `policy` and `retryAfterMs`.
absl::Status RateLimited(const RateLimitPolicy& policy, std::chrono::microseconds wait);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_RATE_LIMITER_H_
