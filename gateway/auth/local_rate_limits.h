// The rate limits of one process, in memory: what decides while redis-state is away
// (rate_limiter.h), and about what an instance counts for itself (forged_token_limit.h).
//
// Bounded: of more than `max_keys` keys the ones that were not charged for longest are forgotten. A
// charge that is refused changes nothing, so who is refused cannot push out others. Thread-safe,
// with one lock that is held for a few lookups.
#ifndef SCALEOUT_GATEWAY_AUTH_LOCAL_RATE_LIMITS_H_
#define SCALEOUT_GATEWAY_AUTH_LOCAL_RATE_LIMITS_H_

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/clock.h"
#include "gateway/auth/rate_limit.h"
#include "gateway/auth/rate_limiter.h"

namespace scaleout::gateway {

// The share that one of `instances` has of a limit: at least one request.
RateLimit ShareOf(const RateLimit& limit, int instances);

class LocalRateLimits {
 public:
  explicit LocalRateLimits(std::size_t max_keys) : max_keys_(max_keys) {}
  LocalRateLimits(const LocalRateLimits&) = delete;
  LocalRateLimits& operator=(const LocalRateLimits&) = delete;

  // As RateLimiter::Charge, by the share of one of `instances`.
  RateLimitDecision Charge(std::span<const RateLimitCharge> charges, int instances,
                           MonotonicTime now);
  // What Charge would say, charging nothing.
  RateLimitDecision Ask(std::span<const RateLimitCharge> charges, int instances,
                        MonotonicTime now) const;
  std::size_t size() const;

 private:
  struct Bucket {
    std::string key;
    std::chrono::microseconds empty_at;
  };
  using Buckets = std::list<Bucket>;

  // With mutex_ held. An answer for each of `charges`.
  std::vector<GcraAnswer> AskEach(std::span<const RateLimitCharge> charges, int instances,
                                  MonotonicTime time) const;
  std::chrono::microseconds EmptyAt(std::string_view key) const;
  void Store(const std::string& key, std::chrono::microseconds empty_at);

  const std::size_t max_keys_;
  mutable std::mutex mutex_;  // over what follows
  Buckets buckets_;           // the one that was charged last is the first
  std::unordered_map<std::string_view, Buckets::iterator> by_key_;  // views of the buckets' keys
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_LOCAL_RATE_LIMITS_H_
