// Reads through redis-cache: cache-aside with coherence by tokens (cache_tokens.h), single flight
// (cache_flight.h) in the process and across replicas, stale while revalidate, negative entries.
//
//   CacheFound found = co_await finding;            // one MGET: the value and its tokens
//   kHit, kStale:  it is served; kStale also calls Refresh
//   kMiss:         SharedAnswer answer = co_await cache.Fill(...)
//   kBypass:       the service is asked as if there were no cache
//
// A miss reads the tokens before it asks the service and stores them with the answer, so what was
// overtaken by a write is never served. Of the readers that miss the same value with the same
// tokens, one in each loop asks for it, and of several loops or replicas the one that has the lock
// (SET NX PX); the others look for its answer for lock_wait and then ask themselves. Redis away,
// frozen, or with an answer that makes no sense is kBypass, never an error, and nothing is joined
// then. A read waits for Redis no longer than command_timeout in all; where another replica has the
// lock, for lock_wait and one more command. Without CacheConfig::single_flight each reader that
// misses asks the service itself.
//
// (Ideas: Nishtala et al., "Scaling Memcache at Facebook", for leases; RFC 5861 for stale answers.)
// One for the process; each call belongs to a loop and stays there.
#ifndef SCALEOUT_GATEWAY_CACHE_READ_CACHE_H_
#define SCALEOUT_GATEWAY_CACHE_READ_CACHE_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/principal.h"
#include "gateway/cache/cache_config.h"
#include "gateway/cache/cache_entry.h"
#include "gateway/cache/cache_flight.h"
#include "gateway/cache/cache_metrics.h"
#include "gateway/cache/cache_tokens.h"
#include "gateway/redis/loop_redis.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "redis/redis_reply.h"
#include "redis/redis_script.h"

namespace scaleout::gateway {

// A larger message is not stored.
inline constexpr std::size_t kMaxCachedBytes = 256 * 1024;
// Of a flight: the time that a read route has.
inline constexpr Duration kFillTime = std::chrono::seconds(3);
// Stale values that a loop refreshes at a time; others are served without.
inline constexpr std::size_t kMaxRefreshes = 64;

// A verb whose answers are cached.
struct CachedMethod {
  CacheMethodMetrics& metrics;
  std::chrono::milliseconds ttl;
};

// What a read is about. `tokens` are names ("user:42"); the epoch comes on top. The key holds
// whatever the answer depends on. Tokens are shared by all principals, values are not.
struct CacheQuery {
  CacheQuery(std::string key_in, std::vector<std::string> token_names);

  // Once, of a read that is not public: the value is that of `reader`, a part of the key from now
  // on, and so of the flight, the lock and the negative entry.
  void SetPrincipal(const Principal& reader);

  std::string key;                      // of the value in Redis
  std::vector<std::string> token_keys;  // the epoch's is the last one
  Principal principal;                  // on whose behalf the service is asked
};

struct CacheFound {
  // Not kNone.
  CacheResult result = CacheResult::kBypass;
  // A hit or a stale value: views of `reply`.
  std::optional<CacheEntry> entry;
  std::optional<RedisReply> reply;
  // Unless it is a hit: the current tokens; empty where there is none.
  std::vector<std::string> tokens;
  MonotonicTime until;  // for further commands on behalf of the same read
};

class ReadCache {
 public:
  // The references outlive the cache.
  ReadCache(const CacheConfig& config, LoopRedis& redis, const std::vector<Executor*>& loops,
            const Clock& clock, Logger& logger, Metrics& metrics, TokenSource random);
  ReadCache(const ReadCache&) = delete;
  ReadCache& operator=(const ReadCache&) = delete;
  ~ReadCache();

  const CacheConfig& config() const { return config_; }

  // Looks for a value. A request that wants none from a cache (context.revalidate) misses.
  Task<CacheFound> Find(RequestContext& context, const CachedMethod& method,
                        const CacheQuery& query);
  // Asks the service, or waits for who does; stores the answer. `tokens` are those of Find, or none
  // if they are to be read again. A missing thing is NOT_FOUND, and stored. Notes in `context` what
  // became of the read.
  Task<SharedAnswer> Fill(RequestContext& context, const CachedMethod& method, CacheQuery query,
                          std::vector<std::string> tokens, MonotonicTime until, FillFunction fill);
  // Asks the service for a stale value's successor, unless a flight or another replica does.
  void Refresh(RequestContext& context, const CachedMethod& method, CacheQuery query,
               std::vector<std::string> tokens, FillFunction fill);
  // A write that was sent has ended: what it may have changed, by the names of tokens.
  Task<void> Invalidate(RequestContext& context, const std::vector<std::string>& names);

  // Whether nothing goes on that no request waits for. Any thread.
  bool idle() const { return tokens_.idle() && flying_.load() == 0; }

 private:
  // A flight with what it needs; its coroutine owns it.
  struct Plan;
  struct OnLoop {
    absl::flat_hash_map<std::string, std::shared_ptr<CacheFlight>> flights;
    std::size_t refreshes = 0;
  };

  void StartFlight(std::unique_ptr<Plan> plan);
  void Forget(const CacheFlight& flight);
  void EndFlight(CacheFlight& flight, SharedAnswer answer);
  Task<void> Fly(std::unique_ptr<Plan> plan);
  // Whether the flight is to ask the service itself; otherwise it has ended, with what another
  // replica has stored.
  Task<bool> TakeLock(Plan& plan);
  // What the replica that has the lock has come to.
  enum class LockHolder { kWorking, kStored, kGone, kUnknown };
  Task<LockHolder> LookAtHolder(Plan& plan);
  // The answer, if it is worth it, and the end of the lock.
  Task<void> Store(std::unique_ptr<Plan> plan, absl::StatusOr<std::string> answer);
  CacheTimes TimesOf(std::chrono::milliseconds ttl, std::chrono::milliseconds stale) const;
  // A random part of it.
  Duration Fraction(Duration whole) const;

  const CacheConfig config_;
  LoopRedis& redis_;
  const Clock& clock_;
  const TokenSource random_;
  CacheTokens tokens_;
  const RedisScript store_script_;
  std::vector<OnLoop> on_loops_;  // by the loops' indices
  std::atomic<int> flying_{0};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CACHE_READ_CACHE_H_
