// What happens to every request around its handler, as a list of steps: it is named, routed, given
// a deadline, authenticated, counted by the rate limit, read, admitted, handled, turned into a
// response or a problem, described for caches, counted and logged.
//
// Serve in the .cc is that list. A new step that may refuse a request is a member function that
// returns a status and one line in the list. The order matters: what the head alone decides comes
// before the body is read, admission after it, so that an upload holds no place among the requests
// in flight. A token is looked at again while what is known of its session is old, because the body
// or that answer took long. A refusal skips the other steps
// and the handler, but is rendered, counted and logged like every answer. An exception that leaves
// a handler is a defect and a 500. One pipeline for each loop; loop thread only.
#ifndef SCALEOUT_GATEWAY_HTTP_REQUEST_PIPELINE_H_
#define SCALEOUT_GATEWAY_HTTP_REQUEST_PIPELINE_H_

#include <chrono>
#include <memory>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/auth/authenticator.h"
#include "gateway/auth/client_address.h"
#include "gateway/auth/request_rate_limit.h"
#include "gateway/http/cache_headers.h"
#include "gateway/http/exchange.h"
#include "gateway/http/route.h"
#include "gateway/observability/request_stats.h"
#include "gateway/resilience/concurrency_limiter.h"

namespace scaleout::gateway {

// For how long it counts that the session of a token lived when that was asked: with what the
// gateway's own knowledge may be old (kRevocationTrust), a revocation is honoured within a second.
inline constexpr std::chrono::milliseconds kMaxAdmissionAge{500};

struct PipelineOptions {
  // A log line for each request, but for probes and metrics.
  bool access_log = true;
  PublicCaching public_caching;
  // Whose word about the client's address is believed.
  TrustedProxies trusted_proxies;
};

// What the pipelines of all loops share; it outlives them. `limiter` is made for routes.size()
// routes.
struct PipelineParts {
  const RouteTable& routes;
  const Clock& clock;
  Metrics& metrics;
  Logger& logger;
  RequestStats& stats;
  ConcurrencyLimiter& limiter;
  AuthParts auth;
  RequestRateLimit* rate_limit = nullptr;  // null: none
};

// Registers its series with `parts.metrics` when a route is first asked with a method and answered
// with a status, so that the page lists only what occurs.
std::unique_ptr<ExchangeHandler> MakeRequestPipeline(const PipelineOptions& options,
                                                     const PipelineParts& parts);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_REQUEST_PIPELINE_H_
