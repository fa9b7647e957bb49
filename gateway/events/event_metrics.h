// What a gateway counts about the owners' events: events_total{type,outcome}, inbox_lag_seconds.
// Thread-safe.
#ifndef SCALEOUT_GATEWAY_EVENTS_EVENT_METRICS_H_
#define SCALEOUT_GATEWAY_EVENTS_EVENT_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/events/changed_tokens.h"

namespace scaleout::gateway {

enum class EventOutcome {
  kInvalidated,  // its tokens were replaced
  kIgnored,      // it has none
  kMalformed,
  kFailed,  // redis-cache did not take it at once; it is tried until it does
};
inline constexpr std::size_t kEventOutcomes = 4;

class EventMetrics {
 public:
  explicit EventMetrics(Metrics& metrics);

  // Types that have no tokens are counted as "other".
  void Count(std::string_view type, EventOutcome outcome);
  std::int64_t CountOf(EventOutcome outcome) const;

  // From the event to its effect.
  void ObserveLag(Duration lag);
  double LagQuantile(double q) const { return lag_.Quantile(q); }

 private:
  // By the type, the last of which is "other", and the outcome.
  std::array<std::array<Counter*, kEventOutcomes>, kChangedTypes.size() + 1> counters_{};
  Histogram& lag_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_EVENTS_EVENT_METRICS_H_
