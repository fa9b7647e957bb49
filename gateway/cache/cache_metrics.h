// What the cache counts: for each cached method, and over all.
//
// Made at start; /api/metrics reads them. Thread-safe.
#ifndef SCALEOUT_GATEWAY_CACHE_CACHE_METRICS_H_
#define SCALEOUT_GATEWAY_CACHE_CACHE_METRICS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/runtime/cache_note.h"

namespace scaleout::gateway {

struct CacheCounts {
  std::int64_t hits = 0;
  std::int64_t misses = 0;
  std::int64_t stale = 0;
  std::int64_t bypassed = 0;
  std::int64_t joined = 0;  // misses that waited for another request's

  // Of the reads that the cache could be asked for, how many it answered; 0 without any.
  double hit_ratio() const {
    const auto asked = static_cast<double>(hits + stale + misses);
    return asked == 0 ? 0 : static_cast<double>(hits + stale) / asked;
  }
};

// cache_*{backend,method}
class CacheMethodMetrics {
 public:
  CacheMethodMetrics(std::string_view backend, std::string_view method, Metrics& metrics);
  CacheMethodMetrics(const CacheMethodMetrics&) = delete;
  CacheMethodMetrics& operator=(const CacheMethodMetrics&) = delete;

  const std::string& backend() const { return backend_; }
  const std::string& method() const { return method_; }

  // A read that has ended; not kNone.
  void CountRead(CacheResult result) { results_[static_cast<std::size_t>(result)]->Increment(); }
  void CountJoined() { joined_.Increment(); }
  void CountTokenMismatch() { token_mismatches_.Increment(); }
  void ObserveFill(Duration took);

  CacheCounts counts() const;

 private:
  CacheMethodMetrics(std::string_view backend, std::string_view method, Metrics& metrics,
                     const MetricLabels& labels);

  const std::string backend_;
  const std::string method_;
  std::array<Counter*, 5> results_{};  // by CacheResult; that of kNone is null
  Counter& joined_;
  Counter& token_mismatches_;
  Histogram& fill_seconds_;
};

// cache_invalidations_total{outcome}
struct InvalidationMetrics {
  explicit InvalidationMetrics(Metrics& metrics);

  Counter& delivered;
  Counter& owed;     // Redis did not take it
  Counter& settled;  // times that the epoch was replaced for those owed
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CACHE_CACHE_METRICS_H_
