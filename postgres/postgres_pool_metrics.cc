#include "postgres/postgres_pool_metrics.h"

#include <chrono>

namespace scaleout {

PostgresPoolMetrics::PostgresPoolMetrics(Metrics& metrics, const std::string& pool,
                                         int max_connections)
    : used_(metrics.AddGauge("db_client_connection_count",
                             "Connections of the pool, by what they do",
                             {{"pool", pool}, {"state", "used"}})),
      idle_(metrics.AddGauge("db_client_connection_count",
                             "Connections of the pool, by what they do",
                             {{"pool", pool}, {"state", "idle"}})),
      pending_(metrics.AddGauge("db_client_connection_pending_requests",
                                "Callers that wait for a connection", {{"pool", pool}})),
      open_failures_(metrics.AddCounter("db_client_connection_open_failures_total",
                                        "Attempts to make a connection that failed",
                                        {{"pool", pool}})),
      wait_(metrics.AddHistogram("db_client_connection_wait_time_seconds",
                                 "How long callers waited for a connection", LatencyBounds(),
                                 {{"pool", pool}})) {
  metrics
      .AddGauge("db_client_connection_max", "The most connections the pool makes", {{"pool", pool}})
      .Set(max_connections);
}

void PostgresPoolMetrics::SetConnections(int total, std::size_t idle, std::size_t waiting) {
  idle_.Set(static_cast<double>(idle));
  used_.Set(total - static_cast<double>(idle));
  pending_.Set(static_cast<double>(waiting));
}

void PostgresPoolMetrics::ObserveWait(Duration wait) {
  wait_.Observe(std::chrono::duration<double>(wait).count());
}

}  // namespace scaleout
