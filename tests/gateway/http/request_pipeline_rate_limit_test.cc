#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "gateway/auth/rate_limiter.h"
#include "gateway/auth/request_rate_limit.h"
#include "gateway/http/http_connection.h"
#include "gateway/http/request_pipeline.h"
#include "gateway/http/response_head.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"
#include "tests/support/fake_sessions.h"
#include "tests/support/manual_executor.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class SocketOfPeer final : public Socket {
 public:
  std::int64_t Send(std::string_view bytes) override {
    text.append(bytes);
    return static_cast<std::int64_t>(bytes.size());
  }
  std::optional<IpAddress> PeerAddress() const override { return peer; }
  void ShutDownWriting() override {}
  void RequestTurn() override {}
  void Close() override {}

  std::optional<IpAddress> peer;
  std::string text;
};

class RequestPipelineRateLimitTest : public ::testing::Test {
 protected:
  RequestPipelineRateLimitTest() { options_.access_log = false; }

  std::vector<Route> MakeRoutes() {
    const Handler handler = [this](RequestContext& context,
                                   const Request&) -> Task<absl::StatusOr<Response>> {
      ++handled_;
      client_ = context.client.ToString();
      co_return Response(200, "{}");
    };
    RouteLimits upload;
    upload.body_bytes = 100;
    return {Route(Method::kGet, "/things", Access::kPublic, {}, handler),
            Route(Method::kPost, "/things", Access::kPublic, upload, handler),
            Route(Method::kGet, "/livez", Access::kInternal, {}, handler, Admission::kExempt)};
  }

  std::string Ask(std::string_view method_and_path, std::string_view headers = "",
                  std::string_view body = "") {
    socket_.text.clear();
    connection_->BeginTurn();
    connection_->OnBytes(
        StrCat(method_and_path, " HTTP/1.1\r\nHost: h\r\n", headers, "\r\n", body));
    return socket_.text;
  }
  // By 3/min, or none.
  void Limit(const RateLimit& limit) {
    rate_limit_ = MakeRequestRateLimit(limit, *limiter_, *metrics_);
    Connect();
  }
  void Connect() {
    pipeline_ = MakeRequestPipeline(options_, {.routes = routes_,
                                               .clock = clock_,
                                               .metrics = *metrics_,
                                               .logger = logger_,
                                               .stats = stats_,
                                               .limiter = concurrency_,
                                               .auth = auth_.parts(),
                                               .rate_limit = rate_limit_.get()});
    connection_ =
        std::make_shared<HttpConnection>(socket_, loop_, clock_, limits_, head_writer_, *pipeline_);
  }

  testing::FakeClock clock_;
  testing::ManualExecutor loop_{clock_};
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeAuth auth_{clock_, *metrics_};
  testing::FakeLogger logger_;
  RequestStats stats_;
  int handled_ = 0;
  std::string client_;
  const RouteTable routes_{MakeRoutes()};
  ConcurrencyLimiter concurrency_{{}, 4, 1, clock_};
  const std::unique_ptr<RateLimiter> limiter_ = MakeRateLimiter(
      nullptr, [] { return 1; }, *metrics_);
  std::unique_ptr<RequestRateLimit> rate_limit_;
  PipelineOptions options_;
  ConnectionLimits limits_;
  ResponseHeadWriter head_writer_{"i-1", clock_};
  SocketOfPeer socket_;
  std::unique_ptr<ExchangeHandler> pipeline_;
  std::shared_ptr<HttpConnection> connection_;
};

TEST_F(RequestPipelineRateLimitTest, TakesTheClientFromTheTrustedProxyOnly) {
  Connect();
  Ask("GET /things", "X-Forwarded-For: 192.0.2.66, 203.0.113.7\r\n");
  EXPECT_EQ(client_, "203.0.113.7") << "nginx on a Unix socket";
  socket_.peer = IpAddress::Parse("10.0.0.2");
  Ask("GET /things", "X-Forwarded-For: 203.0.113.7\r\n");
  EXPECT_EQ(client_, "10.0.0.2");
  options_.trusted_proxies.networks = {*IpNetwork::Parse("10.0.0.0/8")};
  Connect();
  Ask("GET /things", "X-Forwarded-For: 203.0.113.7\r\n");
  EXPECT_EQ(client_, "203.0.113.7");
}

TEST_F(RequestPipelineRateLimitTest, SaysWhatIsLeftAndRefusesWhatIsTooMuch) {
  Limit({3, 60s});
  const std::string first = Ask("GET /things");
  EXPECT_THAT(first, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(first, HasSubstr("RateLimit-Policy: \"default\";q=3;w=60\r\n"));
  EXPECT_THAT(first, HasSubstr("RateLimit: \"default\";r=2;t=20\r\n"));
  EXPECT_THAT(first, Not(HasSubstr("Retry-After")));
  Ask("GET /things");
  EXPECT_THAT(Ask("GET /things"), HasSubstr("RateLimit: \"default\";r=0;t=20\r\n"));
  const std::string refused = Ask("GET /things");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 20\r\n"));
  EXPECT_THAT(refused, HasSubstr("RateLimit-Policy: \"default\";q=3;w=60\r\n"));
  EXPECT_THAT(refused, HasSubstr("RateLimit: \"default\";r=0;t=20\r\n"));
  EXPECT_THAT(refused, HasSubstr("\"type\":\"/problems/rate-limited\""));
  EXPECT_THAT(refused, HasSubstr("\"policy\":\"default\""));
  EXPECT_EQ(handled_, 3);
  clock_.Advance(20s);
  EXPECT_THAT(Ask("GET /things"), StartsWith("HTTP/1.1 200"));
}

TEST_F(RequestPipelineRateLimitTest, CountsByTheClientsAddress) {
  Limit({1, 60s});
  EXPECT_THAT(Ask("GET /things", "X-Forwarded-For: 203.0.113.7\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Ask("GET /things", "X-Forwarded-For: 203.0.113.7\r\n"), StartsWith("HTTP/1.1 429"));
  EXPECT_THAT(Ask("GET /things", "X-Forwarded-For: 192.0.2.66,203.0.113.7\r\n"),
              StartsWith("HTTP/1.1 429"));
  EXPECT_THAT(Ask("GET /things", "X-Forwarded-For: 203.0.113.8\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(RequestPipelineRateLimitTest, LeavesExemptRoutesAlone) {
  Limit({1, 3600s});
  for (int i = 0; i < 20; ++i) {
    const std::string answer = Ask("GET /livez");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(answer, Not(HasSubstr("RateLimit")));
  }
  EXPECT_THAT(Ask("GET /things"), StartsWith("HTTP/1.1 200"));
}

TEST_F(RequestPipelineRateLimitTest, DoesNotCountWhatIsRefusedAlready) {
  Limit({1, 3600s});
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(Ask("GET /missing"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(Ask("DELETE /things"), StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(Ask("GET /things", "X-Request-Timeout-Ms: soon\r\n"), StartsWith("HTTP/1.1 4"));
  }
  EXPECT_THAT(Ask("GET /things"), StartsWith("HTTP/1.1 200"));
}

TEST_F(RequestPipelineRateLimitTest, RefusesBeforeTheBodyIsRead) {
  Limit({1, 3600s});
  EXPECT_THAT(Ask("POST /things", "Content-Length: 4\r\n", "body"), StartsWith("HTTP/1.1 200"));
  const std::string refused = Ask("POST /things", "Content-Length: 4\r\nExpect: 100-continue\r\n");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 429"));
  EXPECT_THAT(refused, Not(HasSubstr("100 Continue")));
}

TEST_F(RequestPipelineRateLimitTest, SaysNothingWhereThereIsNoLimit) {
  Limit({});
  for (int i = 0; i < 200; ++i) {
    EXPECT_THAT(Ask("GET /things"), Not(HasSubstr("RateLimit")));
  }
  EXPECT_EQ(handled_, 200);
}

}  // namespace
}  // namespace scaleout::gateway
