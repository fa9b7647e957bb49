#include "gateway/backends/coalescer_metrics.h"

#include <chrono>

namespace scaleout::gateway {

CoalescerMetrics::CoalescerMetrics(std::string_view backend, std::string_view method,
                                   Metrics& metrics)
    : CoalescerMetrics(method, metrics,
                       {{"backend", std::string(backend)}, {"method", std::string(method)}}) {}

CoalescerMetrics::CoalescerMetrics(std::string_view method, Metrics& metrics,
                                   const MetricLabels& labels)
    : method_(method),
      batch_keys_(metrics.AddHistogram("gateway_coalescer_batch_keys",
                                       "Keys that were sent in one call.",
                                       {1, 2, 4, 8, 16, 24, 32, 48, 64}, labels)),
      wait_seconds_(metrics.AddHistogram(
          "gateway_coalescer_wait_seconds", "Time from a key's first reader until it was sent.",
          {0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3}, labels)),
      in_flight_(metrics.AddGauge("gateway_coalescer_in_flight", "Batches without an answer yet.",
                                  labels)),
      joined_(metrics.AddCounter("gateway_coalescer_joined_total",
                                 "Reads that joined one of the same key before it was sent.",
                                 labels)),
      split_(metrics.AddCounter("gateway_coalescer_split_total",
                                "Batches that failed and were asked again in halves.", labels)) {}

void CoalescerMetrics::CountWait(Duration waited) {
  wait_seconds_.Observe(std::chrono::duration<double>(waited).count());
}

CoalescerCounts CoalescerMetrics::counts() const {
  CoalescerCounts counts;
  counts.batches = static_cast<std::int64_t>(batch_keys_.count());
  counts.keys = static_cast<std::int64_t>(batch_keys_.sum());
  counts.joined = static_cast<std::int64_t>(joined_.value());
  counts.splits = static_cast<std::int64_t>(split_.value());
  counts.in_flight = static_cast<std::int64_t>(in_flight_.value());
  const auto waits = static_cast<double>(wait_seconds_.count());
  if (waits > 0) counts.wait_seconds_mean = wait_seconds_.sum() / waits;
  counts.wait_seconds_p99 = wait_seconds_.Quantile(0.99);
  return counts;
}

}  // namespace scaleout::gateway
