// What a pool of connections counts, with OpenTelemetry's names for it (db.client.connection.*).
//
// The caller holds the pool's lock where it passes numbers that belong together. Thread-safe apart
// from that.
#ifndef SCALEOUT_POSTGRES_POSTGRES_POOL_METRICS_H_
#define SCALEOUT_POSTGRES_POSTGRES_POOL_METRICS_H_

#include <cstddef>
#include <string>

#include "common/clock.h"
#include "common/metrics.h"

namespace scaleout {

class PostgresPoolMetrics {
 public:
  // `pool` is its name. `metrics` must outlive it.
  PostgresPoolMetrics(Metrics& metrics, const std::string& pool, int max_connections);

  // `total` connections, those that are being made among them, of which `idle` are idle, and
  // `waiting` callers.
  void SetConnections(int total, std::size_t idle, std::size_t waiting);
  void ObserveWait(Duration wait);
  void CountOpenFailure() { open_failures_.Increment(); }

 private:
  Gauge& used_;
  Gauge& idle_;
  Gauge& pending_;
  Counter& open_failures_;
  Histogram& wait_;
};

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_POOL_METRICS_H_
