#include "common/call_durations.h"

#include <chrono>
#include <utility>

#include "common/status.h"

namespace scaleout {

CallDurations::CallDurations(Metrics& metrics, std::string_view name, std::string_view help,
                             MetricLabels labels)
    : metrics_(metrics), name_(name), help_(help), labels_(std::move(labels)) {}

void CallDurations::Observe(absl::StatusCode code, Duration took) {
  std::size_t index = static_cast<std::size_t>(code);
  if (index >= kCodes) index = static_cast<std::size_t>(absl::StatusCode::kUnknown);
  Histogram* histogram = histograms_[index].load(std::memory_order_acquire);
  if (histogram == nullptr) {
    // Two threads may come here at once: the registry gives both the same instrument.
    MetricLabels labels = labels_;
    labels.emplace_back("code", CodeName(static_cast<absl::StatusCode>(index)));
    histogram = &metrics_.AddHistogram(name_, help_, LatencyBounds(), std::move(labels));
    histograms_[index].store(histogram, std::memory_order_release);
  }
  histogram->Observe(std::chrono::duration<double>(took).count());
}

}  // namespace scaleout
