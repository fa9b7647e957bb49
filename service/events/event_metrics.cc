#include "service/events/event_metrics.h"

#include <algorithm>
#include <chrono>

namespace scaleout {
namespace {

constexpr char kOther[] = "other";

constexpr EventOutcome kOutcomes[] = {
    EventOutcome::kPublished, EventOutcome::kApplied, EventOutcome::kIgnored, EventOutcome::kOld,
    EventOutcome::kGap,       EventOutcome::kFailed,  EventOutcome::kDead};

}  // namespace

std::string_view EventOutcomeName(EventOutcome outcome) {
  switch (outcome) {
    case EventOutcome::kPublished:
      return "published";
    case EventOutcome::kApplied:
      return "applied";
    case EventOutcome::kIgnored:
      return "ignored";
    case EventOutcome::kOld:
      return "old";
    case EventOutcome::kGap:
      return "gap";
    case EventOutcome::kFailed:
      return "failed";
    case EventOutcome::kDead:
      return "dead";
  }
  return "";
}

EventMetrics::EventMetrics(Metrics& metrics, const std::vector<std::string>& types)
    : lag_(
          metrics.AddHistogram("inbox_lag_seconds", "From an event to its effect", OutageBounds())),
      pending_(metrics.AddGauge("outbox_pending", "Events that are not published yet")),
      unacknowledged_(metrics.AddGauge("outbox_unacknowledged",
                                       "Published events that not every group has acknowledged")),
      oldest_age_(metrics.AddGauge("outbox_oldest_age_seconds",
                                   "Age of the oldest event that is not published yet")),
      dead_(metrics.AddGauge("outbox_dead", "Dead letters: events that were given up")) {
  std::vector<std::string> labels = types;
  labels.emplace_back(kOther);
  for (const std::string& type : labels) {
    for (const EventOutcome outcome : kOutcomes) {
      counters_[{type, outcome}] = &metrics.AddCounter(
          "events_total", "Events, by what became of them",
          {{"outcome", std::string(EventOutcomeName(outcome))}, {"type", type}});
    }
  }
}

void EventMetrics::Count(std::string_view type, EventOutcome outcome) {
  auto found = counters_.find({std::string(type), outcome});
  if (found == counters_.end()) found = counters_.find({kOther, outcome});
  found->second->Increment();
}

void EventMetrics::ObserveLag(Duration lag) {
  lag_.Observe(std::chrono::duration<double>(std::max(lag, Duration::zero())).count());
}

void EventMetrics::Set(const OutboxFigures& figures) {
  pending_.Set(static_cast<double>(figures.unpublished));
  unacknowledged_.Set(static_cast<double>(figures.published));
  oldest_age_.Set(figures.oldest_age_seconds);
  dead_.Set(static_cast<double>(figures.dead));
}

}  // namespace scaleout
