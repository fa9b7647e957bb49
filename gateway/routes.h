// The whole public API, as data: method, path, access, limits, handler, one row each.
//
// docs/openapi.yaml describes the same rows. The handlers outlive the table that is made of these.
#ifndef SCALEOUT_GATEWAY_ROUTES_H_
#define SCALEOUT_GATEWAY_ROUTES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/handlers/auth_handlers.h"
#include "gateway/handlers/circuit_breaker_handlers.h"
#include "gateway/handlers/fault_handlers.h"
#include "gateway/handlers/health_handlers.h"
#include "gateway/handlers/instance_handlers.h"
#include "gateway/handlers/lab_handlers.h"
#include "gateway/handlers/metrics_handlers.h"
#include "gateway/handlers/order_handlers.h"
#include "gateway/handlers/overview_handlers.h"
#include "gateway/handlers/payment_handlers.h"
#include "gateway/handlers/product_handlers.h"
#include "gateway/handlers/user_handlers.h"
#include "gateway/http/route.h"

namespace scaleout::gateway {

// Everything that answers. The composition root builds it, each member from what it needs.
struct Handlers {
  UserHandlers users;
  OverviewHandlers overview;
  ProductHandlers products;
  OrderHandlers orders;
  PaymentHandlers payments;
  HealthHandlers health;
  MetricsHandlers metrics;
  InstanceHandlers instances;
  CircuitBreakerHandlers breakers;
  FaultHandlers faults;
  LabHandlers lab;
  AuthHandlers auth;
};

struct RouteOptions {
  // Off: what is dangerous on purpose does not exist (404).
  bool lab_endpoints = false;
  // Of routes that take one; the gateway's configuration has the default.
  std::int64_t max_body_bytes = 0;
};

std::vector<Route> MakeRoutes(Handlers& handlers, const RouteOptions& options);

// A line for each row: method, path and who may ("GET /api/users/{id} user"); "lab" follows for one
// that exists only with lab_endpoints.
std::string DescribeRoutes();

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_ROUTES_H_
