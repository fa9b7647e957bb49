#include "gateway/cache/cache_metrics.h"

#include <chrono>

namespace scaleout::gateway {
namespace {

MetricLabels With(MetricLabels labels, std::string_view name, std::string_view value) {
  labels.emplace_back(name, value);
  return labels;
}

Counter& AddInvalidations(Metrics& metrics, std::string_view outcome) {
  return metrics.AddCounter("cache_invalidations_total",
                            "Writes whose tokens were replaced, or could not be.",
                            {{"outcome", std::string(outcome)}});
}

}  // namespace

CacheMethodMetrics::CacheMethodMetrics(std::string_view backend, std::string_view method,
                                       Metrics& metrics)
    : CacheMethodMetrics(backend, method, metrics,
                         {{"backend", std::string(backend)}, {"method", std::string(method)}}) {}

CacheMethodMetrics::CacheMethodMetrics(std::string_view backend, std::string_view method,
                                       Metrics& metrics, const MetricLabels& labels)
    : backend_(backend),
      method_(method),
      joined_(metrics.AddCounter("cache_singleflight_joined_total",
                                 "Misses that waited for the answer to another one.", labels)),
      token_mismatches_(metrics.AddCounter(
          "cache_token_mismatches_total",
          "Values that were not served because something was written since.", labels)),
      fill_seconds_(metrics.AddHistogram("cache_fill_seconds",
                                         "Time that the service took to answer a miss.",
                                         LatencyBounds(), labels)) {
  constexpr std::pair<CacheResult, std::string_view> kResults[] = {
      {CacheResult::kHit, "hit"},
      {CacheResult::kStale, "stale"},
      {CacheResult::kMiss, "miss"},
      {CacheResult::kBypass, "bypass"}};
  for (const auto& [result, name] : kResults) {
    results_[static_cast<std::size_t>(result)] = &metrics.AddCounter(
        "cache_requests_total", "Reads of cached methods.", With(labels, "result", name));
  }
}

void CacheMethodMetrics::ObserveFill(Duration took) {
  fill_seconds_.Observe(std::chrono::duration<double>(took).count());
}

CacheCounts CacheMethodMetrics::counts() const {
  const auto count = [this](CacheResult result) {
    return static_cast<std::int64_t>(results_[static_cast<std::size_t>(result)]->value());
  };
  CacheCounts counts;
  counts.hits = count(CacheResult::kHit);
  counts.misses = count(CacheResult::kMiss);
  counts.stale = count(CacheResult::kStale);
  counts.bypassed = count(CacheResult::kBypass);
  counts.joined = static_cast<std::int64_t>(joined_.value());
  return counts;
}

InvalidationMetrics::InvalidationMetrics(Metrics& metrics)
    : delivered(AddInvalidations(metrics, "delivered")),
      owed(AddInvalidations(metrics, "owed")),
      settled(AddInvalidations(metrics, "settled")) {}

}  // namespace scaleout::gateway
