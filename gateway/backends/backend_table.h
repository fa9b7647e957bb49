// The services that the gateway calls: one row each. Health, breakers, metrics and settings iterate
// it; only what is typed (x_backend, routes, the composition root) names a service.
//
// A row is the name in metrics, logs, problems and /api/circuit-breakers/{backend}; its upper case
// is in the setting that says where the service is, GATEWAY_<NAME>_TARGET. The order is that of
// /api/health, /api/circuit-breakers and /api/metrics.
#ifndef SCALEOUT_GATEWAY_BACKENDS_BACKEND_TABLE_H_
#define SCALEOUT_GATEWAY_BACKENDS_BACKEND_TABLE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scaleout::gateway {

inline constexpr std::string_view kBackendNames[] = {
    "user",
    "order",  // serves the product catalog too
    "payment",
};

// A row with its address, a gRPC name: "unix:/path", "dns:///host:port".
struct BackendTarget {
  std::string name;
  std::string target;
};

// Rows whose targets the configuration is still to say.
inline std::vector<BackendTarget> WithoutTargets(std::span<const std::string_view> names) {
  std::vector<BackendTarget> rows;
  for (const std::string_view name : names) rows.push_back({std::string(name), ""});
  return rows;
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_BACKEND_TABLE_H_
