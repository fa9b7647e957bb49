#include "gateway/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/log.h"
#include "common/status.h"
#include "gateway/config.h"
#include "gateway/http/problem.h"
#include "tests/support/fake_backends.h"
#include "tests/support/fake_login_rate_limit.h"
#include "tests/support/fake_shared_counter.h"
#include "tests/support/refused_fields.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::IsSupersetOf;
using testing::RunningTask;
using testing::TestRequest;
using ::testing::UnorderedElementsAre;

class EmptySnapshots final : public InstanceSnapshotSource {
 public:
  InstanceSnapshot TakeSnapshot() const override { return {}; }
};

// Everything that the composition root would build, with nothing behind it.
struct Api {
  explicit Api(bool lab_endpoints, std::int64_t max_body_bytes = 1000)
      : table(MakeRoutes(handlers, RouteOptions{lab_endpoints, max_body_bytes})) {}

  testing::ThreeBackends backends;
  testing::FakeAuthBackend auth;
  testing::FakeLoginRateLimit login_rates;
  testing::FakeUserBackend users;
  testing::FakeOrderBackend orders;
  testing::FakeProductBackend products;
  testing::FakePaymentBackend payments;
  Readiness readiness{[] { return true; }};
  EmptySnapshots snapshots;
  OffloadPool offload{1, 1};
  testing::FakeSharedCounter shared_counter;
  std::unique_ptr<InstanceDirectory> directory =
      MakeInstanceDirectory(nullptr, std::chrono::seconds(5));
  Handlers handlers{
      UserHandlers(users, login_rates),
      OverviewHandlers(users, orders, payments),
      ProductHandlers(products),
      OrderHandlers(orders),
      PaymentHandlers(payments, orders),
      HealthHandlers("gateway-1", 1, readiness, backends.all, AuthMode::kRequired),
      MetricsHandlers("gateway-1", 1, *backends.metrics, snapshots, backends.all, nullptr),
      InstanceHandlers(
          "gateway-1", 1, [] { return std::string("{}"); }, *directory),
      CircuitBreakerHandlers("gateway-1", backends.all),
      FaultHandlers("gateway-1", backends.all),
      LabHandlers("gateway-1", 1, offload, shared_counter),
      AuthHandlers(auth, users, login_rates, TokenKeys())};
  RouteTable table;
};

std::vector<std::string> RowsOf(const Api& api) {
  std::vector<std::string> rows;
  for (const Route& route : api.table.routes()) {
    rows.push_back(std::string(MethodName(route.method)) + " " + route.path);
  }
  return rows;
}

TEST(Routes, AreTheWholePublicApi) {
  const Api api(true);
  EXPECT_THAT(
      RowsOf(api),
      UnorderedElementsAre(
          "GET /livez", "GET /readyz", "GET /metrics", "GET /api/health", "GET /api/metrics",
          "POST /api/auth/register", "POST /api/auth/login", "POST /api/auth/refresh",
          "POST /api/auth/logout", "GET /api/auth/me", "GET /api/auth/keys", "GET /api/count",
          "GET /api/count/shared", "GET /api/instances", "GET /api/cpu-bound", "GET /api/users",
          "POST /api/users", "GET /api/users/{id}", "PATCH /api/users/{id}",
          "DELETE /api/users/{id}", "GET /api/users/{id}/overview", "GET /api/products",
          "GET /api/products/{id}", "GET /api/orders", "POST /api/orders", "GET /api/orders/{id}",
          "POST /api/orders/{id}/cancel", "GET /api/payments", "POST /api/payments",
          "GET /api/payments/{id}", "POST /api/payments/{id}/refund", "GET /api/circuit-breakers",
          "POST /api/circuit-breakers/{backend}/force-open",
          "POST /api/circuit-breakers/{backend}/reset",
          "POST /api/circuit-breakers/{backend}/disable", "GET /api/faults", "POST /api/faults",
          "DELETE /api/faults"));
}

TEST(Routes, AreDescribedWithWhoMayUseThem) {
  const std::vector<std::string> described =
      absl::StrSplit(DescribeRoutes(), '\n', absl::SkipEmpty());
  EXPECT_THAT(described,
              IsSupersetOf({"GET /livez internal", "GET /api/users public",
                            "PATCH /api/users/{id} user", "GET /api/cpu-bound public lab"}));
  std::vector<std::string> all, without_lab;
  for (const std::string& line : described) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    all.push_back(words[0] + " " + words[1]);
    if (words.back() != "lab") without_lab.push_back(all.back());
  }
  EXPECT_EQ(all, RowsOf(Api(true)));
  EXPECT_EQ(without_lab, RowsOf(Api(false)));
}

// An operation of docs/openapi.yaml.
struct Operation {
  std::string name;  // "GET /api/users"
  bool wants_token = false;
  std::set<std::string> statuses;
  std::string conflict;  // all that is said of its 409
};

// All of them, by the document's layout: paths are indented by two blanks, methods by four, what an
// operation says by six, its statuses by eight.
std::vector<Operation> DocumentedOperations() {
  std::ifstream file(OPENAPI_FILE);
  std::vector<Operation> operations;
  std::string path, status;
  for (std::string line; std::getline(file, line) && line != "components:";) {
    if (line.starts_with("  /") && line.ends_with(":")) path = line.substr(2, line.size() - 3);
    if (line == "      security: [{token: []}]") operations.back().wants_token = true;
    if (line.starts_with("        '")) {
      status = line.substr(9, 3);
      operations.back().statuses.insert(status);
    }
    if (status == "409") operations.back().conflict += line + "\n";
    for (const char* method : {"get", "post", "patch", "delete", "put"}) {
      if (line != std::string("    ") + method + ":") continue;
      status.clear();
      std::string upper(method);
      for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
      operations.push_back({upper + " " + path, false, {}, ""});
    }
  }
  return operations;
}

TEST(Routes, AreThoseOfTheOpenApiDocument) {
  std::vector<std::string> names;
  for (const Operation& operation : DocumentedOperations()) names.push_back(operation.name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAreArray(RowsOf(Api(true))));
}

TEST(Routes, AreForWhomTheOpenApiDocumentSays) {
  // Where a password, or a refresh token, may be wrong.
  const std::set<std::string> credentials = {"POST /api/auth/login", "POST /api/auth/refresh"};
  // Where a field is an admin's.
  const std::set<std::string> partly_admins = {"PATCH /api/users/{id}"};
  // What guesses, whether or not every request is limited (login_rate_limit.h).
  const std::set<std::string> guesses = {"POST /api/auth/login", "POST /api/auth/register",
                                         "PATCH /api/users/{id}"};
  std::map<std::string, Access> access;
  const Api api(true);
  for (const Route& route : api.table.routes()) {
    access[std::string(MethodName(route.method)) + " " + route.path] = route.access;
  }
  for (const Operation& operation : DocumentedOperations()) {
    SCOPED_TRACE(operation.name);
    const Access whose = access.at(operation.name);
    const bool is_private = whose == Access::kUser || whose == Access::kAdmin;
    const auto lists = [&](const char* status) { return operation.statuses.contains(status); };
    EXPECT_EQ(operation.wants_token, is_private);
    EXPECT_EQ(lists("401"), is_private || credentials.contains(operation.name));
    EXPECT_EQ(lists("403"), whose == Access::kAdmin || partly_admins.contains(operation.name));
    EXPECT_EQ(lists("429"), guesses.contains(operation.name));
    // Whether a session lives cannot be said.
    EXPECT_TRUE(lists("503") || !is_private);
  }
}

TEST(Routes, SayInTheOpenApiDocumentWhenToTryAgainWhileAPaymentIsUnderWay) {
  std::vector<std::string> names;
  for (const Operation& operation : DocumentedOperations()) {
    if (operation.conflict.find("/problems/payment-in-progress") == std::string::npos) continue;
    names.push_back(operation.name);
    EXPECT_THAT(operation.conflict, ::testing::HasSubstr("conflict-headers")) << operation.name;
  }
  EXPECT_THAT(names, UnorderedElementsAre("POST /api/orders/{id}/cancel", "POST /api/payments",
                                          "POST /api/payments/{id}/refund"));
}

TEST(Routes, LeaveOutWhatIsDangerousOnPurposeUnlessTheLabIsOn) {
  const Api api(false);
  EXPECT_EQ(api.table.Find(Method::kGet, "/api/cpu-bound").route, nullptr);
  EXPECT_EQ(api.table.Find(Method::kPost, "/api/circuit-breakers/user/reset").route, nullptr);
  EXPECT_EQ(api.table.Find(Method::kGet, "/api/faults").route, nullptr);
  EXPECT_NE(api.table.Find(Method::kGet, "/api/circuit-breakers").route, nullptr);
  EXPECT_NE(api.table.Find(Method::kGet, "/api/count").route, nullptr);
}

TEST(Routes, TakeABodyOnlyWhereOneIsRead) {
  const Api api(true);
  for (const Route& route : api.table.routes()) {
    const bool reads =
        (route.method == Method::kPost || route.method == Method::kPatch) &&
        route.path != "/api/orders/{id}/cancel" && route.path != "/api/payments/{id}/refund" &&
        route.path != "/api/auth/logout" && !route.path.starts_with("/api/circuit-breakers");
    EXPECT_EQ(route.limits.body_bytes, reads ? 1000 : 0) << route.path;
  }
}

TEST(Routes, OutlastOneAttemptOfWhatIsSlowByItsNature) {
  const Api api(false);
  const auto deadline = [&api](const char* path) {
    return api.table.Find(Method::kPost, path).route->limits.deadline;
  };
  EXPECT_GT(deadline("/api/auth/login"), kCredentialTime);
  EXPECT_GT(deadline("/api/payments"), kChargeTime);
  // The order service has an attempt of its own before the charge, whose silence is to count.
  EXPECT_GE(deadline("/api/payments"), ResilienceConfig().attempt_timeout + kSilentChargeTime);
}

// The limit of a route that takes a body, in a gateway with this GATEWAY_MAX_BODY_BYTES.
std::int64_t BodyLimitWith(const char* max_body_bytes) {
  const absl::StatusOr<GatewayConfig> config = LoadGatewayConfig(
      {{"GATEWAY_MAX_BODY_BYTES", max_body_bytes}, {"AUTH_MODE", "optional"}}, {});
  if (!config.ok()) return -1;
  const Api api(false, config->max_body_bytes);
  return api.table.Find(Method::kPost, "/api/users").route->limits.body_bytes;
}

TEST(Routes, TakeBodiesUpToTheConfiguredSize) {
  EXPECT_EQ(BodyLimitWith(""), 64 * 1024);
  EXPECT_EQ(BodyLimitWith("2KiB"), 2 * 1024);
  EXPECT_EQ(BodyLimitWith("4MiB"), 4 << 20);
}

TEST(Routes, AnswerProbesAndMetricsEvenWhenEverythingElseIsRefused) {
  const Api api(true);
  for (const char* path :
       {"/livez", "/readyz", "/metrics", "/api/metrics", "/api/health", "/api/instances"}) {
    EXPECT_EQ(api.table.Find(Method::kGet, path).route->admission, Admission::kExempt) << path;
  }
  EXPECT_EQ(api.table.Find(Method::kGet, "/api/count").route->admission, Admission::kNormal);
  EXPECT_EQ(api.table.Find(Method::kGet, "/api/count/shared").route->admission, Admission::kNormal);
}

TEST(Routes, AreInternalWhereTheyAreForTheInstanceOnly) {
  const Api api(true);
  for (const char* path : {"/livez", "/readyz", "/metrics"}) {
    EXPECT_EQ(api.table.Find(Method::kGet, path).route->access, Access::kInternal) << path;
  }
  EXPECT_EQ(api.table.Find(Method::kGet, "/api/users").route->access, Access::kPublic);
  EXPECT_EQ(api.table.Find(Method::kGet, "/api/users/7").route->access, Access::kUser);
  EXPECT_EQ(api.table.Find(Method::kPost, "/api/users").route->access, Access::kAdmin);
}

struct Case {
  Method method;
  const char* path;
  const char* json;
  const char* asked;  // the backend's verb, or a piece of the body
};
// One valid request for each route.
std::vector<Case> ValidRequests() {
  return {
      {Method::kGet, "/api/users/7", "", "get_user"},
      {Method::kGet, "/api/users", "", "list_users"},
      {Method::kPost, "/api/users", R"({"email":"a@example.com","name":"A"})", "create_user"},
      {Method::kPatch, "/api/users/7", R"({"name":"A"})", "update_user"},
      {Method::kDelete, "/api/users/7", "", "delete_user"},
      {Method::kGet, "/api/users/7/overview", "", "get_user"},
      {Method::kGet, "/api/products", "", "list_products"},
      {Method::kGet, "/api/products/7", "", "get_product"},
      {Method::kGet, "/api/orders", "", "list_orders"},
      {Method::kPost, "/api/orders", R"({"userId":7,"items":[{"productId":1,"quantity":1}]})",
       "create_order"},
      {Method::kGet, "/api/orders/7", "", "get_order"},
      {Method::kPost, "/api/orders/7/cancel", "", "cancel_order"},
      {Method::kGet, "/api/payments", "", "list_payments"},
      {Method::kPost, "/api/payments",
       R"({"orderId":1,"userId":7,"amount":1,"currency":"EUR","paymentMethodToken":"t"})",
       "reserve_payment"},
      {Method::kPost, "/api/payments/7/refund", "", "get_payment"},
      {Method::kGet, "/api/payments/7", "", "get_payment"},
      {Method::kPost, "/api/auth/register",
       R"({"email":"a@example.com","name":"A","password":"twelve bytes"})", "register_user"},
      {Method::kPost, "/api/auth/login", R"({"email":"a@example.com","password":"p"})", "login"},
      {Method::kPost, "/api/auth/refresh", R"({"refreshToken":"t"})", "refresh"},
      {Method::kPost, "/api/auth/logout", "", "logout"},
      {Method::kGet, "/api/auth/me", "", "get_user"},
      {Method::kGet, "/api/auth/keys", "", "\"keys\":[]"},
      {Method::kGet, "/livez", "", "\"live\""},
      {Method::kGet, "/readyz", "", "This instance is starting."},
      {Method::kGet, "/metrics", "", ""},
      {Method::kGet, "/api/metrics", "", "\"eventLoops\""},
      {Method::kGet, "/api/health", "", "\"degraded\""},
      {Method::kGet, "/api/count", "", "\"count\":1"},
      {Method::kGet, "/api/count/shared", "", "\"since\":"},
      {Method::kGet, "/api/instances", "", "\"complete\":false"},
      {Method::kGet, "/api/cpu-bound", "", "\"mode\":\"offload\""},
  };
}

// What the route of `c` answers; empty if it does not end.
std::optional<absl::StatusOr<Response>> Ask(Api& api, const Case& c) {
  testing::RequestFixture fixture;
  RequestContext ticking(fixture.loop, SystemClock());
  fixture.context.principal = {7, Role::kCustomer, false};
  fixture.context.session_id = "0123456789abcdef0123456789abcdef";
  ticking.deadline = SystemClock().Now() + std::chrono::seconds(15);
  RouteMatch match = api.table.Find(c.method, c.path);
  if (match.route == nullptr) return std::nullopt;
  TestRequest request;
  request.path_parameters = std::move(match.parameters);
  if (*c.json != '\0') request.Header("Idempotency-Key", "k").Json(c.json);
  const bool burns = match.route->path == "/api/cpu-bound";
  if (burns) request.Query("ms", "1").Query("mode", "offload");
  RunningTask<absl::StatusOr<Response>> running(
      match.route->handler(burns ? ticking : fixture.context, request));
  if (!fixture.loop.RunUntil([&] { return running.done(); })) return std::nullopt;
  return running.value();
}

// From now on every call to a service ends so.
void AnswerEveryCall(Api& api, const std::function<absl::Status(const char* verb)>& answer) {
  api.users.get_user.Answers(answer("get_user"));
  api.users.list_users.Answers(answer("list_users"));
  api.users.create_user.Answers(answer("create_user"));
  api.users.update_user.Answers(answer("update_user"));
  api.users.delete_user.Answers(answer("delete_user"));
  api.auth.register_user.Answers(answer("register_user"));
  api.auth.login.Answers(answer("login"));
  api.auth.refresh.Answers(answer("refresh"));
  api.auth.logout.Answers(answer("logout"));
  api.products.list_products.Answers(answer("list_products"));
  api.products.get_product.Answers(answer("get_product"));
  api.orders.list_orders.Answers(answer("list_orders"));
  api.orders.create_order.Answers(answer("create_order"));
  api.orders.get_order.Answers(answer("get_order"));
  api.orders.cancel_order.Answers(answer("cancel_order"));
  api.orders.reserve_payment.Answers(answer("reserve_payment"));
  api.orders.request_refund.Answers(answer("request_refund"));
  api.payments.list_payments.Answers(answer("list_payments"));
  api.payments.create_payment.Answers(answer("create_payment"));
  api.payments.get_payment.Answers(answer("get_payment"));
}

TEST(Routes, RefuseAnotherSitesPageWhereTheyChangeSomething) {
  Api api(true);
  int changing = 0;
  for (const Route& route : api.table.routes()) {
    if (route.method == Method::kGet) continue;
    ++changing;
    testing::RequestFixture fixture;
    TestRequest request;
    request.Header("Host", "localhost").Header("Sec-Fetch-Site", "cross-site");
    RunningTask<absl::StatusOr<Response>> running(route.handler(fixture.context, request));
    EXPECT_EQ(HttpStatusOf(running.value().status()), 403) << route.path;
  }
  EXPECT_EQ(changing, 16);
}

TEST(Routes, LeadToTheirHandlers) {
  Api api(true);
  AnswerEveryCall(api, [](const char* verb) { return absl::NotFoundError(verb); });
  api.backends.user_health.state = ServingState::kNotServing;
  for (const Case& c : ValidRequests()) {
    const std::optional<absl::StatusOr<Response>> answer = Ask(api, c);
    ASSERT_TRUE(answer.has_value()) << c.path;
    const std::string said =
        answer->ok() ? (*answer)->body : std::string(answer->status().message());
    EXPECT_THAT(said, ::testing::HasSubstr(c.asked)) << c.path;
  }
}

TEST(Routes, AnswerJsonPointersForTheFieldsThatAServiceRefuses) {
  Api api(true);
  AnswerEveryCall(api, [](const char*) {
    return CheckFields({{"some_items[0].some_field", "is wrong"}, {"page_token", "is wrong"}});
  });
  for (const Case& c : ValidRequests()) {
    const std::optional<absl::StatusOr<Response>> answer = Ask(api, c);
    ASSERT_TRUE(answer.has_value()) << c.path;
    if (std::string_view(c.asked).find('_') == std::string_view::npos) continue;  // no service
    EXPECT_THAT(testing::RefusedFields(answer->status()),
                ::testing::ElementsAre("/someItems/0/someField", "/page_token"))
        << c.path;
  }
}

}  // namespace
}  // namespace scaleout::gateway
