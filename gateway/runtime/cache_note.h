// What a cache did for one request, or for one part of it: RequestContext::cache. The cache notes
// it, the answer's headers say it (gateway/http/cache_headers.h). Plain values.
#ifndef SCALEOUT_GATEWAY_RUNTIME_CACHE_NOTE_H_
#define SCALEOUT_GATEWAY_RUNTIME_CACHE_NOTE_H_

#include <algorithm>
#include <chrono>

namespace scaleout::gateway {

// In the order of what an answer of several parts says of all: the last one that any has.
enum class CacheResult {
  kNone,    // what was read is not cached at all
  kHit,     // from the cache, fresh
  kStale,   // from the cache, after its time to live
  kMiss,    // from the service
  kBypass,  // from the service, because the cache cannot be used now
};

struct CacheNote {
  CacheResult result = CacheResult::kNone;
  // A miss: it waited for an answer that another request had asked for.
  bool joined = false;
  // A miss: the client asked for an answer of the service.
  bool revalidated = false;
  // A hit or a stale one: since it was stored, and until its time to live is over (negative then).
  std::chrono::milliseconds age{0};
  std::chrono::milliseconds fresh_for{0};
};

// The note of an answer that is made of both: the oldest age, the shortest time.
inline CacheNote Combine(const CacheNote& a, const CacheNote& b) {
  if (a.result == CacheResult::kNone) return b;
  if (b.result == CacheResult::kNone) return a;
  return {std::max(a.result, b.result), a.joined && b.joined, a.revalidated || b.revalidated,
          std::max(a.age, b.age), std::min(a.fresh_for, b.fresh_for)};
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_CACHE_NOTE_H_
