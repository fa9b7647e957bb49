#include "gateway/events/event_metrics.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace scaleout::gateway {
namespace {

// By EventOutcome.
constexpr std::array<std::string_view, kEventOutcomes> kOutcomeNames = {"invalidated", "ignored",
                                                                        "malformed", "failed"};

}  // namespace

EventMetrics::EventMetrics(Metrics& metrics)
    : lag_(metrics.AddHistogram("inbox_lag_seconds", "From an event to its effect.",
                                OutageBounds())) {
  for (std::size_t type = 0; type < counters_.size(); ++type) {
    const std::string_view name = type < kChangedTypes.size() ? kChangedTypes[type] : "other";
    for (std::size_t outcome = 0; outcome < kEventOutcomes; ++outcome) {
      counters_[type][outcome] = &metrics.AddCounter(
          "events_total", "Events, by what became of them.",
          {{"type", std::string(name)}, {"outcome", std::string(kOutcomeNames[outcome])}});
    }
  }
}

void EventMetrics::Count(std::string_view type, EventOutcome outcome) {
  const auto known = std::ranges::find(kChangedTypes, type);
  counters_[static_cast<std::size_t>(known - kChangedTypes.begin())]
           [static_cast<std::size_t>(outcome)]
               ->Increment();
}

std::int64_t EventMetrics::CountOf(EventOutcome outcome) const {
  double sum = 0;
  for (const auto& of_type : counters_) sum += of_type[static_cast<std::size_t>(outcome)]->value();
  return static_cast<std::int64_t>(sum);
}

void EventMetrics::ObserveLag(Duration lag) {
  lag_.Observe(std::chrono::duration<double>(std::max(lag, Duration::zero())).count());
}

}  // namespace scaleout::gateway
