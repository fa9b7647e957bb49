// How often something may happen, and the arithmetic of it: GCRA, the generic cell rate algorithm
// (ITU-T I.371; as a limiter of requests: Brandur Leach, "Rate Limiting, Cells, and GCRA").
//
// "5/min" is five at once and then one each twelve seconds: a bucket of five that leaks all the
// time, with no window at whose end everything is allowed again. All that is remembered of a key is
// one time, at which its bucket will be empty. The same arithmetic runs in Redis (rate_limiter.cc).
// Times are in microseconds of any one clock. Pure.
#ifndef SCALEOUT_GATEWAY_AUTH_RATE_LIMIT_H_
#define SCALEOUT_GATEWAY_AUTH_RATE_LIMIT_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/settings.h"

namespace scaleout::gateway {

inline constexpr std::int64_t kMaxRateLimitRequests = 1'000'000;

struct RateLimit {
  // "5/min", "100/s", "1000/h"; "0" for none.
  static std::optional<RateLimit> Parse(std::string_view text);
  std::string ToString() const;

  bool on() const { return requests > 0; }
  // Between two requests once the first `requests` are spent; rounded up, at least a microsecond.
  std::chrono::microseconds interval() const;
  // Between an empty bucket and a full one.
  std::chrono::microseconds burst() const { return interval() * requests; }

  friend bool operator==(const RateLimit&, const RateLimit&) = default;

  std::int64_t requests = 0;  // 0: no limit
  std::chrono::seconds period{60};
};

// Declares a setting that is such a text.
void DeclareRateLimit(Settings& settings, std::string_view name, RateLimit& limit,
                      std::string_view help);

// What a bucket says to one more request. `empty_at` is when it will be empty; one in the past is,
// and one later than a full bucket's is of a clock that was set back, and taken for a full one's.
struct GcraAnswer {
  bool allowed = false;
  std::int64_t remaining = 0;  // after this one
  // Until there is one more than `remaining`: of a refusal, until it would be allowed.
  std::chrono::microseconds next{0};
  std::chrono::microseconds empty_at{0};  // the bucket with this request in it
};
GcraAnswer AskGcra(const RateLimit& limit, std::chrono::microseconds empty_at,
                   std::chrono::microseconds now);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_RATE_LIMIT_H_
