// The requests of this instance, over all its loops: what /api/metrics shows and what a drain waits
// for. Thread-safe.
#ifndef SCALEOUT_GATEWAY_OBSERVABILITY_REQUEST_STATS_H_
#define SCALEOUT_GATEWAY_OBSERVABILITY_REQUEST_STATS_H_

#include "common/metrics.h"

namespace scaleout::gateway {

struct RequestStats {
  Counter total;
  Counter errors;  // answered with a 5xx status
  Gauge active;    // handed to a handler and not answered
  Histogram latency_seconds{LatencyBounds()};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_OBSERVABILITY_REQUEST_STATS_H_
