// A pipeline over a connection without a socket, with a few routes, for its tests.
#ifndef SCALEOUT_TESTS_GATEWAY_HTTP_REQUEST_PIPELINE_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_HTTP_REQUEST_PIPELINE_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/http/http_connection.h"
#include "gateway/http/request_pipeline.h"
#include "gateway/http/response_head.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"
#include "tests/support/fake_sessions.h"
#include "tests/support/manual_executor.h"

namespace scaleout::gateway {

class SocketOfText final : public Socket {
 public:
  std::int64_t Send(std::string_view bytes) override {
    text.append(bytes);
    return static_cast<std::int64_t>(bytes.size());
  }
  void ShutDownWriting() override {}
  void RequestTurn() override { turn_requested = true; }
  void Close() override {}

  std::string text;
  bool turn_requested = false;
};

class RequestPipelineTest : public ::testing::Test {
 protected:
  std::vector<Route> MakeRoutes() {
    std::vector<Route> rows;
    const auto add = [&rows](Method method, std::string path, Handler handler,
                             Admission admission) {
      rows.push_back(Route{method, std::move(path), Access::kPublic, RouteLimits{},
                           std::move(handler), admission});
    };
    add(
        Method::kGet, "/things/{id}",
        [this](RequestContext& context, const Request& request) -> Task<absl::StatusOr<Response>> {
          request_id = context.request_id;
          traceparent = context.traceparent;
          remaining = context.Remaining();
          route = context.route;
          co_return Response(200, std::string(request.PathParameter("id")));
        },
        Admission::kNormal);
    add(
        Method::kGet, "/missing",
        [](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
          co_return absl::NotFoundError("There is no such thing.");
        },
        Admission::kNormal);
    add(
        Method::kGet, "/livez",
        [](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
          co_return Response(200, "ok");
        },
        Admission::kExempt);
    add(
        Method::kGet, "/works",
        [this](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
          clock.Advance(work);
          if (!outcome.ok()) co_return outcome;
          co_return Response(200, "done");
        },
        Admission::kNormal);
    for (const auto& [path, access] :
         {std::pair("/mine", Access::kUser), std::pair("/all", Access::kAdmin),
          std::pair("/probe", Access::kInternal)}) {
      rows.push_back(
          Route{Method::kGet, path, access, RouteLimits{},
                [this](RequestContext& context, const Request&) -> Task<absl::StatusOr<Response>> {
                  principal = context.principal;
                  session_id = context.session_id;
                  co_return Response(200, "done");
                },
                Admission::kNormal});
    }
    RouteLimits big;
    big.body_bytes = 10'000;
    rows.push_back(Route{Method::kPost, "/big", Access::kUser, big,
                         [](RequestContext&, const Request&) -> Task<absl::StatusOr<Response>> {
                           co_return Response(200, "done");
                         },
                         Admission::kNormal});
    RouteLimits upload;
    upload.body_bytes = 100;
    rows.push_back(Route{
        Method::kPost, "/upload", Access::kPublic, upload,
        [this](RequestContext& context, const Request& request) -> Task<absl::StatusOr<Response>> {
          remaining = context.Remaining();
          principal = context.principal;
          co_return Response(200, request.body);
        },
        Admission::kNormal});
    return rows;
  }

  // `request` is a whole one.
  std::string Ask(std::string_view request) {
    socket.text.clear();
    connection.BeginTurn();
    connection.OnBytes(request);
    return socket.text;
  }

  std::string request_id;
  std::string traceparent;
  Duration remaining{};
  Duration work{};
  absl::Status outcome;
  const RouteDescription* route = nullptr;
  Principal principal;
  std::string session_id;
  testing::FakeClock clock;
  testing::ManualExecutor loop{clock};
  std::unique_ptr<Metrics> metrics = MakeMetrics();
  testing::FakeLogger logger;
  RequestStats stats;
  RouteTable routes{MakeRoutes()};
  PipelineOptions options;
  ConcurrencyLimiterConfig limits_of_one = [] {
    ConcurrencyLimiterConfig config;
    config.initial_limit = config.min_limit = config.max_limit = 1;
    config.window_samples = 1;
    return config;
  }();
  ConcurrencyLimiter limiter{limits_of_one, 10, 1, clock};
  testing::FakeAuth auth{clock, *metrics};
  std::unique_ptr<ExchangeHandler> pipeline =
      MakeRequestPipeline(options, {routes, clock, *metrics, logger, stats, limiter, auth.parts()});
  SocketOfText socket;
  ConnectionLimits limits;
  ResponseHeadWriter head_writer{"i-1", clock};
  const std::shared_ptr<HttpConnection> shared =
      std::make_shared<HttpConnection>(socket, loop, clock, limits, head_writer, *pipeline);
  HttpConnection& connection = *shared;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_TESTS_GATEWAY_HTTP_REQUEST_PIPELINE_FIXTURE_H_
