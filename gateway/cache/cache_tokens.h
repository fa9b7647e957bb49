// The tokens that keep cached values true.
//
// Each entity ("user:42"), each collection of them ("orders-of:42": a list in all its
// variants) and the whole cache (the epoch) has a random token in Redis. A value stores the tokens
// that were current before the service was asked for it, and is served only while all of them still
// are. A write replaces the tokens of what it may have changed before it is answered. So neither a
// slow fill nor an eviction nor a flush brings an old value back after an answer.
//
// A replacement that Redis does not take (away, frozen) is owed: this process serves nothing from
// the cache until it has replaced the epoch instead, which it tries again and again. Other
// processes may serve the old value until then, at most until its time to live.
//
// One for the process. Each function is called on a loop's thread; what is shared between loops is
// atomic.
#ifndef SCALEOUT_GATEWAY_CACHE_CACHE_TOKENS_H_
#define SCALEOUT_GATEWAY_CACHE_CACHE_TOKENS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/cache/cache_metrics.h"
#include "gateway/cache/token_source.h"
#include "gateway/redis/loop_redis.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "redis/redis_script.h"

namespace scaleout::gateway {

// The epoch's key; that of another token is TokenKey of its name.
inline constexpr std::string_view kEpochKey = "t:epoch";
std::string TokenKey(std::string_view name);

class CacheTokens {
 public:
  // The references outlive the object.
  CacheTokens(LoopRedis& redis, const std::vector<Executor*>& loops, const Clock& clock,
              Logger& logger, Metrics& metrics, TokenSource random);
  CacheTokens(const CacheTokens&) = delete;
  CacheTokens& operator=(const CacheTokens&) = delete;
  ~CacheTokens();

  // Whether cached values may be served: no replacement is owed. Any thread.
  bool settled() const { return settled_.load() == owed_.load(); }

  // The current tokens of `keys`, made where there are none. Not OK where Redis has something else
  // under a key, too.
  Task<absl::StatusOr<std::vector<std::string>>> Make(RequestContext& context,
                                                      std::vector<std::string> keys,
                                                      MonotonicTime until);

  // Replaces those of `keys`, or owes it. It takes no longer than a command may, and the deadline
  // of the request, which may be over, does not end it.
  Task<void> Replace(RequestContext& context, std::vector<std::string> keys);

  // Whether nothing of this is under way. Any thread.
  bool idle() const { return active_.load() == 0; }

  std::string NextRandom() const { return NextToken(random_); }

 private:
  class Settlement;

  Task<absl::Status> Set(RedisLink& link, RequestContext& context,
                         const std::vector<std::string>& keys);
  Task<void> Settle(Settlement& settlement);

  LoopRedis& redis_;
  const Clock& clock_;
  Logger& logger_;
  InvalidationMetrics metrics_;
  const TokenSource random_;
  const RedisScript make_script_;
  std::vector<std::unique_ptr<Settlement>> settlements_;  // by the loops' indices
  std::atomic<std::uint64_t> owed_{0};                    // replacements that were not taken
  std::atomic<std::uint64_t> settled_{0};  // how many of them a newer epoch has made up for
  std::atomic<int> active_{0};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CACHE_CACHE_TOKENS_H_
