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
#include "gateway/backends/payment_backend.h"
#include "gateway/backends/rpc_call.h"
#include "scaleout/order/v1/order.grpc.pb.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

// How often the services were called.
using Calls = std::atomic<int>;

class UnavailableOrders final : public order::v1::OrderService::Service {
 public:
  explicit UnavailableOrders(Calls& calls) : calls_(calls) {}

  grpc::Status CreateOrder(grpc::ServerContext*, const order::v1::CreateOrderRequest*,
                           order::v1::CreateOrderResponse*) override {
    return Fail();
  }
  grpc::Status ReservePayment(grpc::ServerContext*, const order::v1::ReservePaymentRequest*,
                              order::v1::ReservePaymentResponse*) override {
    return Fail();
  }
  grpc::Status RequestRefund(grpc::ServerContext*, const order::v1::RequestRefundRequest*,
                             order::v1::RequestRefundResponse*) override {
    return Fail();
  }

 private:
  grpc::Status Fail() {
    ++calls_;
    return {grpc::StatusCode::UNAVAILABLE, "down"};
  }

  Calls& calls_;
};

class UnavailablePayments final : public payment::v1::PaymentService::Service {
 public:
  explicit UnavailablePayments(Calls& calls) : calls_(calls) {}

  grpc::Status CreatePayment(grpc::ServerContext*, const payment::v1::CreatePaymentRequest*,
                             payment::v1::CreatePaymentResponse*) override {
    ++calls_;
    return {grpc::StatusCode::UNAVAILABLE, "down"};
  }

 private:
  Calls& calls_;
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

  // How often the service is called for one such request.
  template <typename Request, typename Response>
  int CallsFor(const Verb<Request, Response>& verb, Request request) {
    calls_ = 0;
    testing::RunningTask<absl::StatusOr<Response>> running(
        verb(fixture_.context, std::move(request)));
    while (!running.done()) {
      fixture_.loop.RunUntil([&] { return running.done(); }, std::chrono::milliseconds(5));
      fixture_.clock.Advance(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(running.value().status().code(), absl::StatusCode::kUnavailable);
    return calls_;
  }

  // With this key.
  template <typename Request, typename Response>
  int CallsFor(const Verb<Request, Response>& verb, const std::string& idempotency_key) {
    Request request;
    request.set_idempotency_key(idempotency_key);
    return CallsFor(verb, std::move(request));
  }

  testing::SocketPath path_;
  Calls calls_{0};
  UnavailableOrders orders_{calls_};
  UnavailablePayments payments_{calls_};
  testing::RpcServer server_{path_.target(), {&orders_, &payments_}};
  testing::RequestFixture fixture_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeLogger logger_;
  testing::GuardFixture guards_{fixture_.clock, *metrics_, logger_};
  std::optional<Backend> backend_;
};

TEST_F(RepeatTest, SendsWhatHasNoIdempotencyKeyOnce) {
  const OrderBackend orders = MakeOrderBackend(*backend_);
  EXPECT_EQ(CallsFor(orders.CreateOrder, ""), 1);
  EXPECT_EQ(CallsFor(orders.ReservePayment, ""), 1);
}

TEST_F(RepeatTest, SendsWhatHasAnIdempotencyKeyAgain) {
  const OrderBackend orders = MakeOrderBackend(*backend_);
  EXPECT_EQ(CallsFor(orders.CreateOrder, "key-1"), 3);
  EXPECT_EQ(CallsFor(orders.ReservePayment, "key-1"), 3);
}

TEST_F(RepeatTest, SendsWhatItsContractMakesSafeAgain) {
  EXPECT_EQ(CallsFor(MakeOrderBackend(*backend_).RequestRefund, order::v1::RequestRefundRequest()),
            3);
  const PaymentBackend payments = MakePaymentBackend(*backend_, backend_->guard);
  EXPECT_EQ(CallsFor(payments.CreatePayment, payment::v1::CreatePaymentRequest()), 3);
}

}  // namespace
}  // namespace scaleout::gateway
