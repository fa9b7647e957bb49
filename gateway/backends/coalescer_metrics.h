// What the coalescers of one method count, all loops together: gateway_coalescer_*{backend,method}.
//
// Made at start, one for each method that is coalesced; /api/metrics reads it. Thread-safe.
#ifndef SCALEOUT_GATEWAY_BACKENDS_COALESCER_METRICS_H_
#define SCALEOUT_GATEWAY_BACKENDS_COALESCER_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/metrics.h"

namespace scaleout::gateway {

struct CoalescerCounts {
  std::int64_t batches = 0;  // sent, those of one key included
  std::int64_t keys = 0;     // in them
  std::int64_t joined = 0;   // reads that found their key waiting already
  std::int64_t splits = 0;   // batches that failed and were asked again in halves
  std::int64_t in_flight = 0;
  double wait_seconds_mean = 0;  // of a key, until it was sent
  double wait_seconds_p99 = 0;
};

class CoalescerMetrics {
 public:
  // `method` is that of a single read: "GetUser".
  CoalescerMetrics(std::string_view backend, std::string_view method, Metrics& metrics);
  CoalescerMetrics(const CoalescerMetrics&) = delete;
  CoalescerMetrics& operator=(const CoalescerMetrics&) = delete;

  const std::string& method() const { return method_; }

  void CountBatch(std::size_t keys) {
    batch_keys_.Observe(static_cast<double>(keys));
    in_flight_.Add(1);
  }
  void CountWait(Duration waited);
  void CountReturn() { in_flight_.Add(-1); }
  void CountJoined() { joined_.Increment(); }
  void CountSplit() { split_.Increment(); }

  CoalescerCounts counts() const;

 private:
  CoalescerMetrics(std::string_view method, Metrics& metrics, const MetricLabels& labels);

  const std::string method_;
  Histogram& batch_keys_;
  Histogram& wait_seconds_;
  Gauge& in_flight_;
  Counter& joined_;
  Counter& split_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_COALESCER_METRICS_H_
