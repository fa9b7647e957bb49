// One row of the public API, as data, and the table that finds it.
//
// A handler is a coroutine that parses, asks and renders; its errors are statuses, and the server
// turns them into problem documents (problem.h), so no handler writes one. Handlers never block:
// they run on an event loop.
#ifndef SCALEOUT_GATEWAY_HTTP_ROUTE_H_
#define SCALEOUT_GATEWAY_HTTP_ROUTE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/auth/access.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/route_description.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

using Handler = std::function<Task<absl::StatusOr<Response>>(RequestContext&, const Request&)>;

// How a request of this route is admitted. Probes and metrics answer even when everything else is
// refused.
enum class Admission { kNormal, kExempt };

struct RouteLimits {
  std::int64_t body_bytes = 0;               // 0: the route takes no body
  std::chrono::milliseconds deadline{3000};  // also the most that X-Request-Timeout-Ms can ask for
};

// The path's segments are literal or "{name}": "/api/users/{id}".
struct Route : RouteDescription {
  Route(Method method_in, std::string path_in, Access access_in, RouteLimits limits_in,
        Handler handler_in, Admission admission_in = Admission::kNormal)
      : RouteDescription{std::move(path_in)},
        method(method_in),
        access(access_in),
        limits(limits_in),
        handler(std::move(handler_in)),
        admission(admission_in) {}

  Method method;
  Access access;
  RouteLimits limits;
  Handler handler;
  Admission admission;
  std::size_t index = 0;  // its place in the table, for what exists once for each route
};

// What Find answers. With a route: the route, and the segments of the path that its template names.
// Without one `route` is null and `allowed` lists the methods of the most specific template that
// matches the path, ready for an Allow header; it is empty if the path is unknown.
struct RouteMatch {
  const Route* route = nullptr;
  std::string allowed;
  std::vector<std::pair<std::string_view, std::string>> parameters;
};

// Immutable after construction, so thread-safe. HEAD finds the GET route. A literal segment wins
// over a parameter.
class RouteTable {
 public:
  // Two rows with the same method and shape, or a malformed template, crash: the table is code.
  explicit RouteTable(std::vector<Route> routes);
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // `path` as sent, without the query; segments are percent-decoded one by one, so %2F is no
  // separator. A path that does not decode to UTF-8 is unknown.
  RouteMatch Find(Method method, std::string_view path) const;
  const std::vector<Route>& routes() const { return routes_; }
  // Stands for whatever matches no route, in metrics and logs: it has a name ("unmatched") and an
  // index, the one after all others, but no handler, and takes no body.
  const Route& unmatched() const { return unmatched_; }
  // How many indices there are, that of unmatched() included.
  std::size_t size() const { return routes_.size() + 1; }

 private:
  std::string AllowedMethods(std::string_view path) const;

  std::vector<Route> routes_;
  Route unmatched_;
  std::vector<std::vector<std::string>> segments_;  // of each route
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_ROUTE_H_
