// One page for Prometheus: GET /metrics over HTTP/1.0, from a thread of its own.
//
// Made to be scraped every few seconds by one or two scrapers on a trusted network, and for nothing
// else: one request at a time, each cut off after kMetricsPageTimeout, any other path is 404, and
// the connection closes after the answer. docs/adr/2026-11-20-service-metrics-page.md says why it
// is not a library.
#ifndef SCALEOUT_SERVICE_METRICS_PAGE_H_
#define SCALEOUT_SERVICE_METRICS_PAGE_H_

#include <chrono>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/metrics.h"

namespace scaleout {

inline constexpr std::chrono::milliseconds kMetricsPageTimeout{1000};

class MetricsPage {
 public:
  virtual ~MetricsPage() = default;
  // Where it listens; useful when the address named port 0.
  virtual int port() const = 0;
};

// Listens on `address` ("host:port"). `metrics` must outlive the page. UNAVAILABLE if the address
// cannot be had.
absl::StatusOr<std::unique_ptr<MetricsPage>> MakeMetricsPage(std::string_view address,
                                                             const Metrics& metrics);

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_METRICS_PAGE_H_
