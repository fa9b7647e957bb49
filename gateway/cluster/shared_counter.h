// One counter that all instances share, on redis-state.
//
// The number and the time (Redis's own) at which the counter began are kept beside each other and
// read in one step; a counter that began anew, because its server lost it, is recognised by that
// time. There is no honest fallback: without an answer of the server there is no number. A number
// is given at most once in a counter's life, except that a server which crashes forgets up to two
// seconds of them (appendfsync everysec) and gives those again. A failed Next may have taken a
// number all the same. Loop thread only.
#ifndef SCALEOUT_GATEWAY_CLUSTER_SHARED_COUNTER_H_
#define SCALEOUT_GATEWAY_CLUSTER_SHARED_COUNTER_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "gateway/redis/loop_redis.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// The longest that a request waits for redis-state, the text of a script included.
inline constexpr Duration kMaxRedisStateWait = std::chrono::milliseconds(50);
// The reason of a status that came of a server that is away, frozen or not configured.
inline constexpr std::string_view kReasonSharedCounterUnavailable = "SHARED_COUNTER_UNAVAILABLE";

struct SharedCount {
  std::int64_t count = 0;
  std::int64_t since_micros = 0;  // since 1970, when the counter began
};

class SharedCounter {
 public:
  virtual ~SharedCounter() = default;
  // The next number. UNAVAILABLE with kReasonSharedCounterUnavailable and `retryAfterMs`;
  // DEADLINE_EXCEEDED only where the request's own time is over.
  virtual Task<absl::StatusOr<SharedCount>> Next(RequestContext& context) = 0;
};

// `redis_state` outlives the counter; null: there is none, and Next always fails.
std::unique_ptr<SharedCounter> MakeSharedCounter(const LoopRedis* redis_state);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CLUSTER_SHARED_COUNTER_H_
