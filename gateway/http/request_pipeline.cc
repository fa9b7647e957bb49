#include "gateway/http/request_pipeline.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/request_id.h"
#include "common/str_cat.h"
#include "gateway/http/cache_headers.h"
#include "gateway/http/problem.h"
#include "gateway/http/rate_limit_headers.h"
#include "gateway/http/request_id.h"
#include "gateway/resilience/rejection.h"
#include "gateway/resilience/request_timeout.h"

namespace scaleout::gateway {
namespace {

// For a client that left before its request was whole: there is nothing to answer or to count.
constexpr int kClientClosedRequest = 499;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// As sent; "/" for a target that is none.
std::string_view PathOf(const Request& request) {
  return request.raw_path.empty() ? "/" : request.raw_path;
}

class RequestPipeline final : public ExchangeHandler {
 public:
  RequestPipeline(const PipelineOptions& options, const PipelineParts& parts)
      : options_(options),
        parts_(parts),
        public_caching_(RenderPublicCaching(options.public_caching)),
        authenticator_(parts.auth),
        ids_(std::random_device{}()),
        durations_(parts.routes.size()) {}

  // The list of steps.
  Task<Response> Serve(Exchange& exchange) override {
    Name(exchange);
    Check(exchange, &RequestPipeline::FindRoute);
    Check(exchange, &RequestPipeline::SetDeadline);
    Check(exchange, &RequestPipeline::FindToken);
    if (HasToken(exchange)) {
      Task<absl::Status> admitting = AdmitToken(exchange);
      const absl::Status admitted = co_await admitting;
      exchange.refusal = admitted;
    }
    if (IsRateLimited(exchange)) {
      Task<absl::Status> charging = parts_.rate_limit->Charge(exchange.context);
      const absl::Status charged = co_await charging;
      exchange.refusal = charged;
    }
    // What is refused for its head alone is not read further, and gets no 100 Continue.
    if (exchange.refusal.ok()) {
      ReadBody reading(exchange, exchange.route->limits.body_bytes);
      const absl::Status read = co_await reading;
      if (absl::IsCancelled(read)) co_return Response(kClientClosedRequest, "");
      exchange.refusal = read;
    }
    while (HasToken(exchange) && parts_.clock.Now() - exchange.admitted > kMaxAdmissionAge) {
      Task<absl::Status> admitting = AdmitToken(exchange);
      const absl::Status admitted = co_await admitting;
      exchange.refusal = admitted;
    }
    Check(exchange, &RequestPipeline::Admit);

    parts_.stats.active.Add(1);
    absl::StatusOr<Response> result;
    if (!exchange.refusal.ok()) {
      result = exchange.refusal;
    } else {
      try {
        Task<absl::StatusOr<Response>> handling =
            exchange.route->handler(exchange.context, exchange.request);
        result = co_await handling;
      } catch (const std::exception& error) {
        result = HandlerThrew(exchange, error.what());
      } catch (...) {
        result = HandlerThrew(exchange, "something that is no std::exception");
      }
      if (!result.ok()) parts_.auth.metrics.CountRefusal(result.status());
    }
    Response response = result.ok() ? *std::move(result) : ToProblem(exchange, result.status());
    AddCacheHeaders(exchange.request, exchange.route->access, exchange.context.cache,
                    public_caching_, response);
    AddRateLimitHeaders(exchange.context.rate_limits, response);
    Release(exchange, response.status);
    Count(exchange, response);
    parts_.stats.active.Add(-1);
    co_return response;
  }

 private:
  // Takes a step, unless the request has been refused already.
  void Check(Exchange& exchange, absl::Status (RequestPipeline::*step)(Exchange&)) {
    if (exchange.refusal.ok()) exchange.refusal = (this->*step)(exchange);
  }

  void Name(Exchange& exchange) {
    exchange.route = &parts_.routes.unmatched();
    const std::optional<std::string_view> id = exchange.request.FindHeader("X-Request-Id");
    exchange.context.request_id = id && IsWellFormedRequestId(*id) ? std::string(*id) : ids_.Next();
    const std::optional<std::string_view> trace = exchange.request.FindHeader("traceparent");
    if (trace && !TraceIdOf(*trace).empty()) exchange.context.traceparent = std::string(*trace);
    exchange.context.client =
        FindClientAddress(exchange.peer, exchange.request.headers, options_.trusted_proxies);
    exchange.context.revalidate = WantsRevalidation(exchange.request);
  }

  absl::Status FindRoute(Exchange& exchange) {
    RouteMatch match = parts_.routes.Find(exchange.request.method, PathOf(exchange.request));
    if (match.route == nullptr) {
      exchange.allowed = std::move(match.allowed);
      return exchange.allowed.empty()
                 ? HttpError(404, "There is nothing at this path.")
                 : HttpError(405, StrCat("This path answers ", exchange.allowed, "."));
    }
    exchange.route = match.route;
    exchange.request.path_parameters = std::move(match.parameters);
    exchange.context.route = match.route;
    exchange.context.loop.EnterRoute(*match.route);
    return absl::OkStatus();
  }

  // The route's, or the client's shorter one; from the first byte of the request.
  absl::Status SetDeadline(Exchange& exchange) {
    const std::chrono::milliseconds limit = exchange.route->limits.deadline;
    const absl::StatusOr<std::chrono::milliseconds> timeout =
        ParseRequestTimeout(exchange.request.FindHeader(kRequestTimeoutHeader), limit);
    exchange.context.deadline = exchange.started + timeout.value_or(limit);
    return timeout.status();
  }

  // Who asks, as far as that needs no waiting: a request without a token is decided here.
  absl::Status FindToken(Exchange& exchange) {
    const Access access = exchange.route->access;
    absl::StatusOr<std::string_view> token =
        authenticator_.FindToken(access, exchange.request.headers);
    if (!token.ok()) return token.status();
    exchange.token = *token;
    if (!token->empty()) return absl::OkStatus();
    return authenticator_.AdmitWithoutToken(exchange.context, access);
  }

  static bool HasToken(const Exchange& exchange) {
    return exchange.refusal.ok() && !exchange.token.empty();
  }

  // An answer is as old as its question: one that is late says what was so then.
  Task<absl::Status> AdmitToken(Exchange& exchange) {
    exchange.admitted = parts_.clock.Now();
    return authenticator_.AdmitToken(exchange.context, exchange.route->access, exchange.token);
  }

  // Who is refused already costs no round trip; probes and metrics are not counted.
  bool IsRateLimited(const Exchange& exchange) const {
    return parts_.rate_limit != nullptr && exchange.refusal.ok() &&
           exchange.route->admission != Admission::kExempt;
  }

  // A place among the requests in flight, once the request is complete: an upload takes none, and
  // its time is the client's. Probes and metrics need none.
  absl::Status Admit(Exchange& exchange) {
    if (exchange.route->admission == Admission::kExempt) return absl::OkStatus();
    exchange.permit =
        parts_.limiter.TryAcquire(exchange.route->index, parts_.clock.Now() - exchange.received);
    return exchange.permit ? absl::OkStatus() : Overloaded();
  }

  // A defect; the client still gets an answer and the process lives.
  absl::Status HandlerThrew(const Exchange& exchange, std::string_view what) {
    parts_.logger.Error("handler threw", {{"requestId", exchange.context.request_id},
                                          {"route", exchange.route->path},
                                          {"error", what}});
    return absl::InternalError("handler threw");
  }

  Response ToProblem(const Exchange& exchange, const absl::Status& status) {
    Response response =
        RenderProblem(status, PathOf(exchange.request), exchange.context.request_id);
    if (response.status == 405) response.headers.emplace_back("Allow", exchange.allowed);
    if (response.status == 500) {
      parts_.logger.Error("request failed", {{"requestId", exchange.context.request_id},
                                             {"code", static_cast<int>(status.code())},
                                             {"error", FromAbsl(status.message())}});
    }
    return response;
  }

  // What the answer says about this instance's own speed.
  static void Release(Exchange& exchange, int status) {
    if (!exchange.permit) return;
    if (status < 400) {
      exchange.permit->Succeed();
    } else if (status == 504) {
      exchange.permit->Drop();
    } else {
      exchange.permit->Ignore();
    }
  }

  void Count(const Exchange& exchange, const Response& response) {
    const Duration elapsed = parts_.clock.Now() - exchange.received;
    DurationOf(exchange, response.status).Observe(Seconds(elapsed));
    if (exchange.route->admission == Admission::kExempt) return;
    parts_.stats.total.Increment();
    if (response.status >= 500) parts_.stats.errors.Increment();
    parts_.stats.latency_seconds.Observe(Seconds(elapsed));
    if (!options_.access_log) return;
    parts_.logger.Info("request", {{"requestId", exchange.context.request_id},
                                   {"method", MethodName(exchange.request.method)},
                                   {"route", exchange.route->path},
                                   {"status", response.status},
                                   {"durationMs", Seconds(elapsed) * 1000},
                                   {"bytes", static_cast<std::int64_t>(response.body.size())}});
  }

  // The registry's lookup is by strings; this one is by position, because it happens for each
  // request.
  Histogram& DurationOf(const Exchange& exchange, int status) {
    std::vector<std::pair<int, Histogram*>>& known = durations_[exchange.route->index];
    const int key = status * 16 + static_cast<int>(exchange.request.method);
    for (const auto& [known_key, histogram] : known) {
      if (known_key == key) return *histogram;
    }
    Histogram& histogram = parts_.metrics.AddHistogram(
        "http_server_request_duration_seconds",
        "Time from a request's last byte to its answer, by route.", LatencyBounds(),
        {{"method", std::string(MethodName(exchange.request.method))},
         {"route", exchange.route->path},
         {"status", StrCat(status)}});
    known.emplace_back(key, &histogram);
    return histogram;
  }

  const PipelineOptions options_;
  const PipelineParts parts_;
  const std::string public_caching_;
  Authenticator authenticator_;
  RequestIdGenerator ids_;
  std::vector<std::vector<std::pair<int, Histogram*>>> durations_;
};

}  // namespace

std::unique_ptr<ExchangeHandler> MakeRequestPipeline(const PipelineOptions& options,
                                                     const PipelineParts& parts) {
  return std::make_unique<RequestPipeline>(options, parts);
}

}  // namespace scaleout::gateway
