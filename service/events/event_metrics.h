// What a service counts about events. Thread-safe.
#ifndef SCALEOUT_SERVICE_EVENTS_EVENT_METRICS_H_
#define SCALEOUT_SERVICE_EVENTS_EVENT_METRICS_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/metrics.h"
#include "service/events/outbox_store.h"

namespace scaleout {

// What became of an event, as the label `outcome`.
enum class EventOutcome { kPublished, kApplied, kIgnored, kOld, kGap, kFailed, kDead };
std::string_view EventOutcomeName(EventOutcome outcome);

class EventMetrics {
 public:
  // Types that are not among `types` are counted as "other": labels come from closed sets.
  // `metrics` outlives the object.
  EventMetrics(Metrics& metrics, const std::vector<std::string>& types);

  void Count(std::string_view type, EventOutcome outcome);
  // From the event to its effect.
  void ObserveLag(Duration lag);
  void Set(const OutboxFigures& figures);

 private:
  std::map<std::pair<std::string, EventOutcome>, Counter*, std::less<>> counters_;
  Histogram& lag_;
  Gauge& pending_;
  Gauge& unacknowledged_;
  Gauge& oldest_age_;
  Gauge& dead_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_EVENTS_EVENT_METRICS_H_
