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
#include "gateway/observability/loop_lag_monitor.h"
#include "gateway/observability/request_stats.h"

namespace scaleout::gateway {

struct PipelineOptions {
  std::string instance_id;
  bool access_log = true;
};

// All references outlive the pipeline. `stats` is shared by the pipelines of all loops.
std::unique_ptr<ExchangeHandler> MakeRequestPipeline(const PipelineOptions& options,
                                                     const RouteTable& routes, const Clock& clock,
                                                     Metrics& metrics, Logger& logger,
                                                     LoopLagMonitor& monitor, RequestStats& stats);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_REQUEST_PIPELINE_H_
