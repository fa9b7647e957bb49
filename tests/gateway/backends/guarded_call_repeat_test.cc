// Which calls are sent again: those that their contract calls safe, and those that carry an
// idempotency key where the contract asks for one.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/backends/backend.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/order_backend.h"
#include "gateway/backends/rpc_call.h"
#include "scaleout/order/v1/order.grpc.pb.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

class UnavailableOrders final : public order::v1::OrderService::Service {
 public:
  grpc::Status CreateOrder(grpc::ServerContext*, const order::v1::CreateOrderRequest*,
                           order::v1::CreateOrderResponse*) override {
    ++calls;
    return {grpc::StatusCode::UNAVAILABLE, "down"};
  }

  std::atomic<int> calls{0};
};

class RepeatTest : public ::testing::Test {
 protected:
  RepeatTest() {
    guards_.config.retry.max_attempts = 3;
    backend_.emplace("order", path_.target(), guards_.parts());
    EXPECT_TRUE(backend_->channel->channel()->WaitForConnected(std::chrono::system_clock::now() +
                                                               std::chrono::seconds(10)));
    fixture_.context.deadline = fixture_.clock.Now() + std::chrono::seconds(10);
  }
  ~RepeatTest() override { backend_->channel->callbacks().Wait(); }

  // How often the service is called for one CreateOrder with this key.
  int CallsFor(const std::string& idempotency_key) {
    service_.calls = 0;
    order::v1::CreateOrderRequest request;
    request.set_idempotency_key(idempotency_key);
    const OrderBackend orders = MakeOrderBackend(*backend_);
    testing::RunningTask<absl::StatusOr<order::v1::CreateOrderResponse>> running(
        orders.CreateOrder(fixture_.context, std::move(request)));
    while (!running.done()) {
      fixture_.loop.RunUntil([&] { return running.done(); }, std::chrono::milliseconds(5));
      fixture_.clock.Advance(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(running.value().status().code(), absl::StatusCode::kUnavailable);
    return service_.calls;
  }

  testing::SocketPath path_;
  UnavailableOrders service_;
  testing::RpcServer server_{path_.target(), {&service_}};
  testing::RequestFixture fixture_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeLogger logger_;
  testing::GuardFixture guards_{fixture_.clock, *metrics_, logger_};
  std::optional<Backend> backend_;
};

TEST_F(RepeatTest, SendsACreateWithoutAnIdempotencyKeyOnce) { EXPECT_EQ(CallsFor(""), 1); }

TEST_F(RepeatTest, SendsACreateWithAnIdempotencyKeyAgain) { EXPECT_EQ(CallsFor("key-1"), 3); }

}  // namespace
}  // namespace scaleout::gateway
