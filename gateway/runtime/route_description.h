// The part of a route that the rooms below http see: enough to name it in a log line or a metric.
//
// A request's context, its jobs and the lag monitor carry a pointer to it; http's Route is one. It
// is immutable and outlives every request of its route and every observation of the loops.
#ifndef SCALEOUT_GATEWAY_RUNTIME_ROUTE_DESCRIPTION_H_
#define SCALEOUT_GATEWAY_RUNTIME_ROUTE_DESCRIPTION_H_

#include <string>

namespace scaleout::gateway {

struct RouteDescription {
  std::string path;  // the template, such as "/api/users/{id}"
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_ROUTE_DESCRIPTION_H_
