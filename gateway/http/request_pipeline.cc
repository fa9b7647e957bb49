#include "gateway/http/request_pipeline.h"

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "gateway/http/http_connection.h"
#include "gateway/http/problem.h"
#include "gateway/http/request_id.h"
#include "gateway/resilience/rejection.h"
#include "gateway/resilience/request_timeout.h"

namespace scaleout::gateway {
namespace {

constexpr std::string_view kUnmatchedRoute = "unmatched";
constexpr std::chrono::milliseconds kUnmatchedDeadline{3'000};

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// As sent; "/" for a target that is none.
std::string_view PathOf(const Request& request) {
  if (request.target.empty()) return "/";
  return request.target.substr(0, std::min(request.target.find('?'), request.target.size()));
}

class RequestPipeline final : public ExchangeHandler {
 public:
  RequestPipeline(const PipelineOptions& options, const PipelineParts& parts,
                  LoopLagMonitor& monitor)
      : options_(options),
        parts_(parts),
        monitor_(monitor),
        ids_(std::random_device{}()),
        durations_(parts.routes.routes().size() + 1) {}

  std::int64_t Examine(Exchange& exchange) override {
    Name(exchange);
    exchange.match = parts_.routes.Find(exchange.request.method, PathOf(exchange.request));
    const Route* route = exchange.match.route;
    if (route == nullptr) {
      exchange.refusal =
          exchange.match.allowed.empty()
              ? HttpError(404, "There is nothing at this path.")
              : HttpError(405, StrCat("This path answers ", exchange.match.allowed, "."));
      return std::numeric_limits<std::int64_t>::max();
    }
    exchange.context.route = static_cast<int>(exchange.match.index);
    exchange.request.path_parameters = std::move(exchange.match.parameters);
    return route->limits.body_bytes;
  }

  void Handle(std::unique_ptr<Exchange> exchange) override {
    if (exchange->context.request_id.empty()) Name(*exchange);
    SetDeadline(*exchange);
    if (exchange->context.route >= 0) monitor_.EnterRoute(exchange->context.route);
    Start(Serve(std::move(exchange)));
    monitor_.LeaveRoute();
  }

  void OnTick(Duration lag) override { parts_.limiter.ObserveLoopLag(monitor_.loop(), lag); }

 private:
  void Name(Exchange& exchange) {
    const std::optional<std::string_view> id = exchange.request.FindHeader("X-Request-Id");
    exchange.context.request_id = id && IsWellFormedRequestId(*id) ? std::string(*id) : ids_.Next();
    const std::optional<std::string_view> trace = exchange.request.FindHeader("traceparent");
    if (trace && IsWellFormedTraceparent(*trace))
      exchange.context.traceparent = std::string(*trace);
  }

  void SetDeadline(Exchange& exchange) {
    const Route* route = exchange.match.route;
    const std::chrono::milliseconds limit =
        route != nullptr ? route->limits.deadline : kUnmatchedDeadline;
    const absl::StatusOr<std::chrono::milliseconds> timeout =
        ParseRequestTimeout(exchange.request.FindHeader(kRequestTimeoutHeader), limit);
    if (!timeout.ok() && exchange.refusal.ok()) exchange.refusal = timeout.status();
    exchange.context.deadline = exchange.started + timeout.value_or(limit);
  }

  Task<void> Serve(std::unique_ptr<Exchange> exchange) {
    std::optional<ConcurrencyPermit> permit = Admit(*exchange);
    parts_.stats.active.Add(1);
    Task<absl::StatusOr<Response>> asked = Ask(*exchange);
    absl::StatusOr<Response> result = co_await asked;
    Response response = result.ok() ? *std::move(result) : Problem(*exchange, result.status());
    if (permit) Release(*permit, response.status);
    Record(*exchange, response);
    if (exchange->connection != nullptr) exchange->connection->Finish(*exchange, response);
    parts_.stats.active.Add(-1);
  }

  // A place among the requests in flight; without one the request is refused. Probes and metrics
  // need none.
  std::optional<ConcurrencyPermit> Admit(Exchange& exchange) {
    const Route* route = exchange.match.route;
    if (!exchange.refusal.ok() || (route != nullptr && route->admission == Admission::kExempt))
      return std::nullopt;
    const std::size_t index =
        route != nullptr ? exchange.match.index : parts_.routes.routes().size();
    std::optional<ConcurrencyPermit> permit =
        parts_.limiter.TryAcquire(index, parts_.clock.Now() - exchange.started);
    if (!permit) exchange.refusal = Overloaded();
    return permit;
  }

  // What the answer says about this instance's own speed.
  static void Release(ConcurrencyPermit& permit, int status) {
    if (status < 300) {
      permit.Succeed();
    } else if (status == 504) {
      permit.Drop();
    } else {
      permit.Ignore();
    }
  }

  // An exception that reaches this far is a defect; the client still gets an answer and the process
  // lives.
  Task<absl::StatusOr<Response>> Ask(Exchange& exchange) {
    if (!exchange.refusal.ok()) co_return exchange.refusal;
    try {
      Task<absl::StatusOr<Response>> task =
          exchange.match.route->handler(exchange.context, exchange.request);
      absl::StatusOr<Response> result = co_await task;
      co_return result;
    } catch (const std::exception& error) {
      parts_.logger.Error("handler threw", {{"requestId", exchange.context.request_id},
                                            {"route", exchange.match.route->path},
                                            {"error", error.what()}});
    } catch (...) {
      parts_.logger.Error(
          "handler threw something that is no exception",
          {{"requestId", exchange.context.request_id}, {"route", exchange.match.route->path}});
    }
    co_return absl::InternalError("handler threw");
  }

  Response Problem(const Exchange& exchange, const absl::Status& status) {
    Response response =
        RenderProblem(status, PathOf(exchange.request), exchange.context.request_id);
    if (response.status == 405) response.headers.emplace_back("Allow", exchange.match.allowed);
    if (response.status == 500) {
      parts_.logger.Error("request failed", {{"requestId", exchange.context.request_id},
                                             {"code", static_cast<int>(status.code())},
                                             {"error", FromAbsl(status.message())}});
    }
    return response;
  }

  void Record(const Exchange& exchange, const Response& response) {
    const Duration elapsed = parts_.clock.Now() - exchange.started;
    const Route* route = exchange.match.route;
    DurationOf(exchange, response.status).Observe(Seconds(elapsed));
    if (route != nullptr && route->admission == Admission::kExempt) return;
    parts_.stats.total.Increment();
    if (response.status >= 500) parts_.stats.errors.Increment();
    parts_.stats.latency_seconds.Observe(Seconds(elapsed));
    if (!options_.access_log) return;
    parts_.logger.Info(
        "request", {{"requestId", exchange.context.request_id},
                    {"method", MethodName(exchange.request.method)},
                    {"route", route != nullptr ? std::string_view(route->path) : kUnmatchedRoute},
                    {"status", response.status},
                    {"durationMs", Seconds(elapsed) * 1000},
                    {"bytes", static_cast<std::int64_t>(response.body.size())}});
  }

  // The registry's lookup is by strings; this one is by position, because it happens for each
  // request.
  Histogram& DurationOf(const Exchange& exchange, int status) {
    const bool matched = exchange.match.route != nullptr;
    std::vector<std::pair<int, Histogram*>>& known =
        durations_[matched ? exchange.match.index : parts_.routes.routes().size()];
    const int key = status * 16 + static_cast<int>(exchange.request.method);
    for (const auto& [known_key, histogram] : known) {
      if (known_key == key) return *histogram;
    }
    Histogram& histogram = parts_.metrics.AddHistogram(
        "http_server_request_duration_seconds",
        "Time from a request's first byte to its answer, by route.", LatencyBounds(),
        {{"method", std::string(MethodName(exchange.request.method))},
         {"route", matched ? exchange.match.route->path : std::string(kUnmatchedRoute)},
         {"status", StrCat(status)}});
    known.emplace_back(key, &histogram);
    return histogram;
  }

  const PipelineOptions options_;
  const PipelineParts parts_;
  LoopLagMonitor& monitor_;
  RequestIdGenerator ids_;
  std::vector<std::vector<std::pair<int, Histogram*>>> durations_;
};

}  // namespace

std::unique_ptr<ExchangeHandler> MakeRequestPipeline(const PipelineOptions& options,
                                                     const PipelineParts& parts,
                                                     LoopLagMonitor& monitor) {
  return std::make_unique<RequestPipeline>(options, parts, monitor);
}

}  // namespace scaleout::gateway
