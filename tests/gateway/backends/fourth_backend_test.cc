// What a fourth backend needs of the gateway, with "shipping" for its name and a table of its own.
// CONTRIBUTING.md ("A backend") lists the files that a branch which adds one makes and changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/backends/backends.h"
#include "gateway/backends/service_rpcs.h"
#include "gateway/config.h"
#include "gateway/handlers/circuit_breaker_handlers.h"
#include "gateway/handlers/health_handlers.h"
#include "gateway/handlers/metrics_handlers.h"
#include "scaleout/order/v1/product.grpc.pb.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;

// 1. A row in the table.
constexpr std::string_view kFourNames[] = {"user", "order", "payment", "shipping"};

// 2. A contract. A product's stands in for that of a parcel.
using ShippingService = order::v1::ProductService;
using GetParcelRequest = order::v1::GetProductRequest;
using GetParcelResponse = order::v1::GetProductResponse;

// 3. A typed backend: a line for each RPC, here and in the function that makes it.
struct ShippingBackend {
  Verb<GetParcelRequest, GetParcelResponse> GetParcel;
};

ShippingBackend MakeShippingBackend(Backend& backend) {
  const ServiceRpcs<ShippingService> rpc(backend);
  using Rpc = decltype(rpc)::Stub;
  return ShippingBackend{
      .GetParcel = rpc("GetParcel", Repeat::kSafe, &Rpc::PrepareAsyncGetProduct),
  };
}

// 4. A service that listens.
class ParcelService final : public ShippingService::Service {
 public:
  ParcelService() { grpc::EnableDefaultHealthCheckService(true); }

  grpc::Status GetProduct(grpc::ServerContext*, const GetParcelRequest* request,
                          GetParcelResponse* response) override {
    response->mutable_product()->set_id(request->product_id());
    return grpc::Status::OK;
  }
};

class NoSnapshot final : public InstanceSnapshotSource {
 public:
  InstanceSnapshot TakeSnapshot() const override { return {}; }
};

// 5. Its target in the environment.
EnvironmentMap FourTargets(const std::string& shipping) {
  return {{"AUTH_MODE", "optional"},
          {"GATEWAY_USER_TARGET", "unix:/nowhere"},
          {"GATEWAY_ORDER_TARGET", "unix:/nowhere"},
          {"GATEWAY_PAYMENT_TARGET", "unix:/nowhere"},
          {"GATEWAY_SHIPPING_TARGET", shipping}};
}

class FourthBackendTest : public ::testing::Test {
 protected:
  FourthBackendTest() {
    EXPECT_TRUE(shipping_.channel->channel()->WaitForConnected(std::chrono::system_clock::now() +
                                                               std::chrono::seconds(10)));
  }
  ~FourthBackendTest() override { backends_.WaitForCallbacks(); }

  template <typename T>
  T Run(Task<T> task) {
    testing::RunningTask<T> running(std::move(task));
    EXPECT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
    return std::move(running.value());
  }

  testing::SocketPath path_;
  ParcelService service_;
  testing::RpcServer server_{path_.target(), {&service_}};
  testing::RequestFixture fixture_;
  testing::TestRequest request_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  std::unique_ptr<Logger> logger_ = MakeNullLogger();
  testing::GuardFixture guards_{fixture_.clock, *metrics_, *logger_};
  GatewayConfig config_ = LoadGatewayConfig(FourTargets(path_.target()), kFourNames).value();
  Backends backends_ = MakeBackends(config_.backends, guards_.parts());
  Backend& shipping_ = backends_.Get("shipping");
};

TEST(FourthBackendConfigTest, NeedsATarget) {
  const absl::StatusOr<GatewayConfig> config = LoadGatewayConfig(FourTargets(""), kFourNames);
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("GATEWAY_SHIPPING_TARGET"));
}

TEST_F(FourthBackendTest, AnswersAVerbThroughItsGuard) {
  const ShippingBackend backend = MakeShippingBackend(shipping_);
  GetParcelRequest request;
  request.set_product_id(7);
  const absl::StatusOr<GetParcelResponse> answer =
      Run(backend.GetParcel(fixture_.context, std::move(request)));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->product().id(), 7);
  EXPECT_EQ(shipping_.guard.counts().calls, 1);
  EXPECT_THAT(metrics_->RenderPrometheus(),
              HasSubstr(R"(backend="shipping",code="OK",method="GetParcel")"));
}

TEST_F(FourthBackendTest, IsAskedForItsHealth) {
  Readiness readiness([] { return true; });
  HealthHandlers handlers("gateway-1", /*loops=*/1, readiness, backends_, AuthMode::kOptional);
  const absl::StatusOr<Response> answer = Run(handlers.Health(fixture_.context, request_));
  EXPECT_THAT(answer->body, HasSubstr(R"("shipping":{"status":"SERVING",)"));
}

TEST_F(FourthBackendTest, HasABreakerThatIsListedAndControlled) {
  CircuitBreakerHandlers handlers("gateway-1", backends_);
  testing::TestRequest shipping;
  shipping.Path("backend", "shipping");
  EXPECT_TRUE(Run(handlers.ForceOpen(fixture_.context, shipping)).ok());
  const absl::StatusOr<Response> answer = Run(handlers.List(fixture_.context, request_));
  EXPECT_THAT(answer->body, HasSubstr(R"("shipping":{"state":"FORCED_OPEN",)"));
}

TEST_F(FourthBackendTest, IsMeasured) {
  NoSnapshot instance;
  MetricsHandlers handlers("gateway-1", /*loops=*/1, *metrics_, instance, backends_, nullptr);
  const absl::StatusOr<Response> answer = Run(handlers.Json(fixture_.context, request_));
  EXPECT_THAT(answer->body, HasSubstr(R"("shipping":{"calls":0,)"));
}

}  // namespace
}  // namespace scaleout::gateway
