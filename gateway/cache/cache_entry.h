// A cached value as the bytes that Redis holds: the message, when it was stored, how long it may be
// served, and the tokens that were current before the service was asked for it.
//
// A value is served only while each of its tokens is the current one of its name (read_cache.h).
// Times are of the wall clock, because another replica reads them; a clock that is late by a second
// serves a value a second longer, never beyond the expiry that Redis keeps itself.
#ifndef SCALEOUT_GATEWAY_CACHE_CACHE_ENTRY_H_
#define SCALEOUT_GATEWAY_CACHE_CACHE_ENTRY_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/clock.h"

namespace scaleout::gateway {

inline constexpr std::size_t kCacheTokenBytes = 8;

struct CacheTimes {
  WallTime stored;
  WallTime fresh_until;
  WallTime stale_until;
};

// Views of the bytes that it was decoded from.
struct CacheEntry {
  CacheTimes times;
  bool negative = false;                 // `payload` is that of NegativePayload
  std::vector<std::string_view> tokens;  // kCacheTokenBytes each
  std::string_view payload;
};

// `tokens` are kCacheTokenBytes each, and at most 255.
std::string EncodeCacheEntry(const CacheTimes& times, bool negative,
                             const std::vector<std::string>& tokens, std::string_view payload);
// Nothing for what is no entry, or one of another version.
std::optional<CacheEntry> DecodeCacheEntry(std::string_view bytes);

// A NOT_FOUND with its details, and back.
std::string NegativePayload(const absl::Status& status);
absl::Status StatusOfNegative(std::string_view payload);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CACHE_CACHE_ENTRY_H_
