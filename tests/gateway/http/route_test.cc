#include "gateway/http/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

Task<absl::StatusOr<Response>> Nothing(RequestContext&, const Request&) { co_return Response(); }

Route MakeRoute(Method method, std::string path) {
  return Route{method,        std::move(path), Access::kPublic,
               RouteLimits{}, Nothing,         Admission::kNormal};
}

RouteTable MakeTable() {
  std::vector<Route> routes;
  routes.push_back(MakeRoute(Method::kGet, "/api/users"));
  routes.push_back(MakeRoute(Method::kPost, "/api/users"));
  routes.push_back(MakeRoute(Method::kGet, "/api/users/{id}"));
  routes.push_back(MakeRoute(Method::kDelete, "/api/users/{id}"));
  routes.push_back(MakeRoute(Method::kGet, "/api/users/me"));
  routes.push_back(MakeRoute(Method::kGet, "/api/users/{id}/overview"));
  return RouteTable(std::move(routes));
}

TEST(RouteTable, FindsByMethodAndPath) {
  const RouteTable table = MakeTable();
  EXPECT_EQ(table.Find(Method::kGet, "/api/users").route->index, 0U);
  EXPECT_EQ(table.Find(Method::kPost, "/api/users").route->index, 1U);
  EXPECT_EQ(table.Find(Method::kGet, "/api/users/7/overview").route->path,
            "/api/users/{id}/overview");
}

TEST(RouteTable, HeadFindsTheGetRoute) {
  EXPECT_EQ(MakeTable().Find(Method::kHead, "/api/users").route->method, Method::kGet);
}

TEST(RouteTable, ParametersAreDecodedBySegment) {
  const RouteTable table = MakeTable();
  EXPECT_THAT(table.Find(Method::kGet, "/api/users/a%2Fb").parameters,
              ElementsAre(Pair("id", "a/b")));
}

TEST(RouteTable, ALiteralSegmentWinsOverAParameter) {
  const RouteTable table = MakeTable();
  EXPECT_EQ(table.Find(Method::kGet, "/api/users/me").route->path, "/api/users/me");
}

TEST(RouteTable, AKnownPathWithAnotherMethodSaysWhatItAllows) {
  const RouteTable table = MakeTable();
  const RouteMatch match = table.Find(Method::kPatch, "/api/users/7");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allowed, "GET, HEAD, DELETE");
}

TEST(RouteTable, APathWithMoreSegmentsThanAnyTemplateIsUnknown) {
  std::string path;
  for (int i = 0; i < 100; ++i) path += "/users";
  const RouteTable table = MakeTable();
  const RouteMatch match = table.Find(Method::kGet, path);
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allowed, "");
}

TEST(RouteTable, AnUnknownPathAllowsNothing) {
  const RouteTable table = MakeTable();
  for (const char* path :
       {"/", "/api", "/api/users/", "/api/users//overview", "/api/orders", "", "x", "/%zz"}) {
    const RouteMatch match = table.Find(Method::kGet, path);
    EXPECT_EQ(match.route, nullptr) << path;
    EXPECT_THAT(match.allowed, IsEmpty()) << path;
  }
}

TEST(RouteTableDeathTest, TwoRowsOfTheSameShapeCrash) {
  EXPECT_DEATH(
      {
        std::vector<Route> routes;
        routes.push_back(MakeRoute(Method::kGet, "/a/{x}"));
        routes.push_back(MakeRoute(Method::kGet, "/a/{y}"));
        RouteTable table(std::move(routes));
      },
      "");
}

}  // namespace
}  // namespace scaleout::gateway
