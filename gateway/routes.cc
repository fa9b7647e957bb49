#include "gateway/routes.h"

#include <chrono>
#include <utility>

#include "gateway/handlers/ask_backend.h"
#include "gateway/handlers/same_origin.h"

namespace scaleout::gateway {
namespace {

using std::chrono::seconds;

constexpr Method kGet = Method::kGet;
constexpr Method kPost = Method::kPost;
constexpr Method kPatch = Method::kPatch;
constexpr Method kDelete = Method::kDelete;

constexpr Access kPublic = Access::kPublic;
constexpr Access kUser = Access::kUser;
constexpr Access kInternal = Access::kInternal;

constexpr Admission kExempt = Admission::kExempt;

// A handler's method as a Handler.
template <auto kVerb, typename T>
Handler To(T& handlers) {
  return [&handlers](RequestContext& context, const Request& request) {
    return (handlers.*kVerb)(context, request);
  };
}

// Refuses what a page of another site makes a browser send.
Handler OnlySameOrigin(Handler handler) {
  return [handler = std::move(handler)](RequestContext& context, const Request& request) {
    const absl::Status allowed = CheckSameOrigin(request);
    return allowed.ok() ? handler(context, request) : Refuse(allowed);
  };
}

}  // namespace

// clang-format off
std::vector<Route> MakeRoutes(Handlers& handlers, const RouteOptions& options) {
  const RouteLimits read{0, seconds(3)};
  const RouteLimits write{options.max_body_bytes, seconds(3)};
  const RouteLimits slow{0, seconds(15)};
  auto& [users, overview, products, orders, payments, health, metrics, instances, breakers,
         lab] = handlers;

  std::vector<Route> routes = {
      {kGet,    "/livez",                    kInternal, read,  To<&HealthHandlers::Live>(health), kExempt},
      {kGet,    "/readyz",                   kInternal, read,  To<&HealthHandlers::Ready>(health), kExempt},
      {kGet,    "/metrics",                  kInternal, read,  To<&MetricsHandlers::Prometheus>(metrics), kExempt},

      {kGet,    "/api/health",               kPublic,   read,  To<&HealthHandlers::Health>(health), kExempt},
      {kGet,    "/api/metrics",              kPublic,   read,  To<&MetricsHandlers::Json>(metrics), kExempt},
      {kGet,    "/api/instances",            kPublic,   read,  To<&InstanceHandlers::List>(instances), kExempt},
      {kGet,    "/api/circuit-breakers",     kPublic,   read,  To<&CircuitBreakerHandlers::List>(breakers), kExempt},
      {kGet,    "/api/count",                kPublic,   read,  To<&LabHandlers::Count>(lab)},
      {kGet,    "/api/count/shared",         kPublic,   read,  To<&LabHandlers::CountShared>(lab)},

      {kGet,    "/api/users",                kPublic,   read,  To<&UserHandlers::List>(users)},
      {kPost,   "/api/users",                kPublic,   write, To<&UserHandlers::Create>(users)},
      {kGet,    "/api/users/{id}",           kUser,     read,  To<&UserHandlers::Get>(users)},
      {kPatch,  "/api/users/{id}",           kUser,     write, To<&UserHandlers::Update>(users)},
      {kDelete, "/api/users/{id}",           kUser,     read,  To<&UserHandlers::Delete>(users)},
      {kGet,    "/api/users/{id}/overview",  kUser,     read,  To<&OverviewHandlers::Get>(overview)},

      {kGet,    "/api/products",             kPublic,   read,  To<&ProductHandlers::List>(products)},
      {kGet,    "/api/products/{id}",        kPublic,   read,  To<&ProductHandlers::Get>(products)},

      {kGet,    "/api/orders",               kUser,     read,  To<&OrderHandlers::List>(orders)},
      {kPost,   "/api/orders",               kUser,     write, To<&OrderHandlers::Create>(orders)},
      {kGet,    "/api/orders/{id}",          kUser,     read,  To<&OrderHandlers::Get>(orders)},
      {kPost,   "/api/orders/{id}/cancel",   kUser,     read,  To<&OrderHandlers::Cancel>(orders)},

      {kGet,    "/api/payments",             kUser,     read,  To<&PaymentHandlers::List>(payments)},
      {kPost,   "/api/payments",             kUser,     write, To<&PaymentHandlers::Create>(payments)},
      {kGet,    "/api/payments/{id}",        kUser,     read,  To<&PaymentHandlers::Get>(payments)},
  };
  if (options.lab_endpoints) {
    const std::vector<Route> dangerous = {
      {kGet,    "/api/cpu-bound",            kPublic,   slow,  To<&LabHandlers::CpuBound>(lab)},
      {kPost,   "/api/circuit-breakers/{backend}/force-open", kPublic, read, To<&CircuitBreakerHandlers::ForceOpen>(breakers)},
      {kPost,   "/api/circuit-breakers/{backend}/reset",      kPublic, read, To<&CircuitBreakerHandlers::Reset>(breakers)},
      {kPost,   "/api/circuit-breakers/{backend}/disable",    kPublic, read, To<&CircuitBreakerHandlers::Disable>(breakers)},
    };
    routes.insert(routes.end(), dangerous.begin(), dangerous.end());
  }
  for (Route& route : routes) {
    if (route.method != kGet) route.handler = OnlySameOrigin(std::move(route.handler));
  }
  return routes;
}
// clang-format on

}  // namespace scaleout::gateway
