#include "gateway/routes.h"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "common/str_cat.h"
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
constexpr Access kAdmin = Access::kAdmin;
constexpr Access kInternal = Access::kInternal;

constexpr Admission kExempt = Admission::kExempt;

using MakeHandler = std::function<Handler(Handlers&)>;

// A method of one of the handlers as a Handler, once they are there.
template <auto kVerb, typename T>
MakeHandler To(T Handlers::*member) {
  return [member](Handlers& handlers) -> Handler {
    return [&of = handlers.*member](RequestContext& context, const Request& request) {
      return (of.*kVerb)(context, request);
    };
  };
}

struct Row {
  Method method;
  std::string path;
  Access access;
  RouteLimits limits;
  MakeHandler make_handler;
  Admission admission = Admission::kNormal;
};

// Those that are always there, and the lab's.
struct Rows {
  std::vector<Row> always;
  std::vector<Row> lab;
};

// Refuses what a page of another site makes a browser send.
Handler OnlySameOrigin(Handler handler) {
  return [handler = std::move(handler)](RequestContext& context, const Request& request) {
    const absl::Status allowed = CheckSameOrigin(request);
    return allowed.ok() ? handler(context, request) : Refuse(allowed);
  };
}

// clang-format off
Rows MakeRows(std::int64_t max_body_bytes) {
  const RouteLimits read{0, seconds(3)};
  const RouteLimits write{max_body_bytes, seconds(3)};
  const RouteLimits hash{max_body_bytes, kCredentialTime + seconds(1)};
  const RouteLimits pay{max_body_bytes, kChargeTime + seconds(1)};
  const RouteLimits slow{0, seconds(15)};
  constexpr auto users = &Handlers::users;
  constexpr auto overview = &Handlers::overview;
  constexpr auto products = &Handlers::products;
  constexpr auto orders = &Handlers::orders;
  constexpr auto payments = &Handlers::payments;
  constexpr auto health = &Handlers::health;
  constexpr auto metrics = &Handlers::metrics;
  constexpr auto instances = &Handlers::instances;
  constexpr auto breakers = &Handlers::breakers;
  constexpr auto faults = &Handlers::faults;
  constexpr auto lab = &Handlers::lab;
  constexpr auto auth = &Handlers::auth;

  std::vector<Row> always = {
      {kGet,    "/livez",                    kInternal, read,  To<&HealthHandlers::Live>(health), kExempt},
      {kGet,    "/readyz",                   kInternal, read,  To<&HealthHandlers::Ready>(health), kExempt},
      {kGet,    "/metrics",                  kInternal, read,  To<&MetricsHandlers::Prometheus>(metrics), kExempt},

      {kGet,    "/api/health",               kPublic,   read,  To<&HealthHandlers::Health>(health), kExempt},
      {kGet,    "/api/metrics",              kPublic,   read,  To<&MetricsHandlers::Json>(metrics), kExempt},
      {kGet,    "/api/instances",            kPublic,   read,  To<&InstanceHandlers::List>(instances), kExempt},
      {kGet,    "/api/circuit-breakers",     kPublic,   read,  To<&CircuitBreakerHandlers::List>(breakers), kExempt},
      {kGet,    "/api/count",                kPublic,   read,  To<&LabHandlers::Count>(lab)},
      {kGet,    "/api/count/shared",         kPublic,   read,  To<&LabHandlers::CountShared>(lab)},

      {kPost,   "/api/auth/register",        kPublic,   hash,  To<&AuthHandlers::Register>(auth)},
      {kPost,   "/api/auth/login",           kPublic,   hash,  To<&AuthHandlers::Login>(auth)},
      {kPost,   "/api/auth/refresh",         kPublic,   write, To<&AuthHandlers::Refresh>(auth)},
      {kPost,   "/api/auth/logout",          kUser,     read,  To<&AuthHandlers::Logout>(auth)},
      {kGet,    "/api/auth/me",              kUser,     read,  To<&AuthHandlers::Me>(auth)},
      {kGet,    "/api/auth/keys",            kPublic,   read,  To<&AuthHandlers::Keys>(auth)},

      {kGet,    "/api/users",                kPublic,   read,  To<&UserHandlers::List>(users)},
      {kPost,   "/api/users",                kAdmin,    write, To<&UserHandlers::Create>(users)},
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
      {kPost,   "/api/payments",             kUser,     pay,   To<&PaymentHandlers::Create>(payments)},
      {kGet,    "/api/payments/{id}",        kUser,     read,  To<&PaymentHandlers::Get>(payments)},
      {kPost,   "/api/payments/{id}/refund", kAdmin,    read,  To<&PaymentHandlers::Refund>(payments)},
  };
  std::vector<Row> dangerous = {
      {kGet,    "/api/cpu-bound",            kPublic,   slow,  To<&LabHandlers::CpuBound>(lab)},
      {kPost,   "/api/circuit-breakers/{backend}/force-open", kPublic, read, To<&CircuitBreakerHandlers::ForceOpen>(breakers)},
      {kPost,   "/api/circuit-breakers/{backend}/reset",      kPublic, read, To<&CircuitBreakerHandlers::Reset>(breakers)},
      {kPost,   "/api/circuit-breakers/{backend}/disable",    kPublic, read, To<&CircuitBreakerHandlers::Disable>(breakers)},
      {kGet,    "/api/faults",               kPublic,   read,  To<&FaultHandlers::List>(faults)},
      {kPost,   "/api/faults",               kPublic,   write, To<&FaultHandlers::Set>(faults)},
      {kDelete, "/api/faults",               kPublic,   read,  To<&FaultHandlers::Clear>(faults)},
  };
  return {std::move(always), std::move(dangerous)};
}
// clang-format on

std::string_view AccessName(Access access) {
  switch (access) {
    case Access::kPublic:
      return "public";
    case Access::kUser:
      return "user";
    case Access::kAdmin:
      return "admin";
    case Access::kInternal:
      break;
  }
  return "internal";
}

void Describe(const std::vector<Row>& rows, std::string_view when, std::string& text) {
  for (const Row& row : rows) {
    StrAppend(&text, MethodName(row.method), " ", row.path, " ", AccessName(row.access), when,
              "\n");
  }
}

}  // namespace

std::vector<Route> MakeRoutes(Handlers& handlers, const RouteOptions& options) {
  Rows rows = MakeRows(options.max_body_bytes);
  if (options.lab_endpoints) {
    rows.always.insert(rows.always.end(), rows.lab.begin(), rows.lab.end());
  }
  std::vector<Route> routes;
  for (Row& row : rows.always) {
    Handler handler = row.make_handler(handlers);
    if (row.method != kGet) handler = OnlySameOrigin(std::move(handler));
    routes.emplace_back(row.method, std::move(row.path), row.access, row.limits, std::move(handler),
                        row.admission);
  }
  return routes;
}

std::string DescribeRoutes() {
  const Rows rows = MakeRows(0);
  std::string text;
  Describe(rows.always, "", text);
  Describe(rows.lab, " lab", text);
  return text;
}

}  // namespace scaleout::gateway
