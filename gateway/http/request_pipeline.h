// What happens to every request around its handler: it is named, routed, admitted, given a
// deadline, handled, turned into a response or a problem, counted and logged. One pipeline for each
// loop; loop thread only.
#ifndef SCALEOUT_GATEWAY_HTTP_REQUEST_PIPELINE_H_
#define SCALEOUT_GATEWAY_HTTP_REQUEST_PIPELINE_H_

#include <memory>
#include <string>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/http/exchange.h"
#include "gateway/http/route.h"
#include "gateway/observability/request_stats.h"
#include "gateway/resilience/concurrency_limiter.h"
#include "gateway/runtime/loop_lag_monitor.h"

namespace scaleout::gateway {

struct PipelineOptions {
  std::string instance_id;
  bool access_log = true;
};

// What the pipelines of all loops share; it outlives them. `limiter` is made for one route more
// than `routes` has: the last index stands for whatever matches none.
struct PipelineParts {
  const RouteTable& routes;
  const Clock& clock;
  Metrics& metrics;
  Logger& logger;
  RequestStats& stats;
  ConcurrencyLimiter& limiter;
};

// `monitor` is the loop's own and outlives the pipeline.
std::unique_ptr<ExchangeHandler> MakeRequestPipeline(const PipelineOptions& options,
                                                     const PipelineParts& parts,
                                                     LoopLagMonitor& monitor);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_REQUEST_PIPELINE_H_
