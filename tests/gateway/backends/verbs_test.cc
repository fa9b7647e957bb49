// Every verb of every backend reaches the RPC of its name.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "gateway/backends/backends.h"
#include "gateway/backends/order_backend.h"
#include "gateway/backends/payment_backend.h"
#include "gateway/backends/product_backend.h"
#include "gateway/backends/user_backend.h"
#include "scaleout/order/v1/order.grpc.pb.h"
#include "scaleout/order/v1/product.grpc.pb.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

// Each call is answered with its own name, so that a verb that calls another's RPC is found out.
grpc::Status Echo(const char* method) { return {grpc::StatusCode::ABORTED, method}; }

class UserEcho final : public user::v1::UserService::Service {
 public:
  grpc::Status CreateUser(grpc::ServerContext*, const user::v1::CreateUserRequest*,
                          user::v1::CreateUserResponse*) override {
    return Echo("CreateUser");
  }
  grpc::Status GetUser(grpc::ServerContext*, const user::v1::GetUserRequest*,
                       user::v1::GetUserResponse*) override {
    return Echo("GetUser");
  }
  grpc::Status ListUsers(grpc::ServerContext*, const user::v1::ListUsersRequest*,
                         user::v1::ListUsersResponse*) override {
    return Echo("ListUsers");
  }
  grpc::Status UpdateUser(grpc::ServerContext*, const user::v1::UpdateUserRequest*,
                          user::v1::UpdateUserResponse*) override {
    return Echo("UpdateUser");
  }
  grpc::Status DeleteUser(grpc::ServerContext*, const user::v1::DeleteUserRequest*,
                          user::v1::DeleteUserResponse*) override {
    return Echo("DeleteUser");
  }
};

class OrderEcho final : public order::v1::OrderService::Service {
 public:
  grpc::Status CreateOrder(grpc::ServerContext*, const order::v1::CreateOrderRequest*,
                           order::v1::CreateOrderResponse*) override {
    return Echo("CreateOrder");
  }
  grpc::Status GetOrder(grpc::ServerContext*, const order::v1::GetOrderRequest*,
                        order::v1::GetOrderResponse*) override {
    return Echo("GetOrder");
  }
  grpc::Status ListOrders(grpc::ServerContext*, const order::v1::ListOrdersRequest*,
                          order::v1::ListOrdersResponse*) override {
    return Echo("ListOrders");
  }
  grpc::Status CancelOrder(grpc::ServerContext*, const order::v1::CancelOrderRequest*,
                           order::v1::CancelOrderResponse*) override {
    return Echo("CancelOrder");
  }
};

class ProductEcho final : public order::v1::ProductService::Service {
 public:
  grpc::Status GetProduct(grpc::ServerContext*, const order::v1::GetProductRequest*,
                          order::v1::GetProductResponse*) override {
    return Echo("GetProduct");
  }
  grpc::Status ListProducts(grpc::ServerContext*, const order::v1::ListProductsRequest*,
                            order::v1::ListProductsResponse*) override {
    return Echo("ListProducts");
  }
};

class PaymentEcho final : public payment::v1::PaymentService::Service {
 public:
  grpc::Status CreatePayment(grpc::ServerContext*, const payment::v1::CreatePaymentRequest*,
                             payment::v1::CreatePaymentResponse*) override {
    return Echo("CreatePayment");
  }
  grpc::Status GetPayment(grpc::ServerContext*, const payment::v1::GetPaymentRequest*,
                          payment::v1::GetPaymentResponse*) override {
    return Echo("GetPayment");
  }
  grpc::Status ListPayments(grpc::ServerContext*, const payment::v1::ListPaymentsRequest*,
                            payment::v1::ListPaymentsResponse*) override {
    return Echo("ListPayments");
  }
};

class VerbsTest : public ::testing::Test {
 protected:
  template <typename Response>
  void ExpectCounted(Task<absl::StatusOr<Response>> call, const std::string& backend,
                     const std::string& method) {
    testing::RunningTask<absl::StatusOr<Response>> running(std::move(call));
    ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
    EXPECT_EQ(running.value().status(), absl::AbortedError(method));
    EXPECT_EQ(metrics_
                  ->AddHistogram("rpc_client_call_duration_seconds", "", LatencyBounds(),
                                 {{"backend", backend}, {"method", method}, {"code", "ABORTED"}})
                  .count(),
              1U)
        << backend << '.' << method;
  }

  ~VerbsTest() override { backends_.WaitForCallbacks(); }

  testing::SocketPath user_path_;
  testing::SocketPath order_path_;
  testing::SocketPath payment_path_;
  UserEcho users_;
  OrderEcho orders_;
  ProductEcho products_;
  PaymentEcho payments_;
  testing::RpcServer user_server_{user_path_.target(), {&users_}};
  testing::RpcServer order_server_{order_path_.target(), {&orders_, &products_}};
  testing::RpcServer payment_server_{payment_path_.target(), {&payments_}};
  testing::RequestFixture fixture_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  std::unique_ptr<Logger> logger_ = MakeNullLogger();
  testing::GuardFixture guards_{fixture_.clock, *metrics_, *logger_};
  Backends backends_ = MakeBackends({{"user", user_path_.target()},
                                     {"order", order_path_.target()},
                                     {"payment", payment_path_.target()}},
                                    guards_.parts());
};

TEST_F(VerbsTest, UserBackendCallsTheUserService) {
  const UserBackend backend = MakeUserBackend(backends_.Get("user"));
  ExpectCounted(backend.CreateUser(fixture_.context, user::v1::CreateUserRequest()), "user",
                "CreateUser");
  ExpectCounted(backend.GetUser(fixture_.context, user::v1::GetUserRequest()), "user", "GetUser");
  ExpectCounted(backend.ListUsers(fixture_.context, user::v1::ListUsersRequest()), "user",
                "ListUsers");
  ExpectCounted(backend.UpdateUser(fixture_.context, user::v1::UpdateUserRequest()), "user",
                "UpdateUser");
  ExpectCounted(backend.DeleteUser(fixture_.context, user::v1::DeleteUserRequest()), "user",
                "DeleteUser");
}

TEST_F(VerbsTest, OrderBackendCallsTheOrderService) {
  const OrderBackend backend = MakeOrderBackend(backends_.Get("order"));
  ExpectCounted(backend.CreateOrder(fixture_.context, order::v1::CreateOrderRequest()), "order",
                "CreateOrder");
  ExpectCounted(backend.GetOrder(fixture_.context, order::v1::GetOrderRequest()), "order",
                "GetOrder");
  ExpectCounted(backend.ListOrders(fixture_.context, order::v1::ListOrdersRequest()), "order",
                "ListOrders");
  ExpectCounted(backend.CancelOrder(fixture_.context, order::v1::CancelOrderRequest()), "order",
                "CancelOrder");
}

TEST_F(VerbsTest, ProductBackendCallsTheOrderService) {
  const ProductBackend backend = MakeProductBackend(backends_.Get("order"));
  ExpectCounted(backend.GetProduct(fixture_.context, order::v1::GetProductRequest()), "order",
                "GetProduct");
  ExpectCounted(backend.ListProducts(fixture_.context, order::v1::ListProductsRequest()), "order",
                "ListProducts");
}

TEST_F(VerbsTest, PaymentBackendCallsThePaymentService) {
  const PaymentBackend backend = MakePaymentBackend(backends_.Get("payment"));
  ExpectCounted(backend.CreatePayment(fixture_.context, payment::v1::CreatePaymentRequest()),
                "payment", "CreatePayment");
  ExpectCounted(backend.GetPayment(fixture_.context, payment::v1::GetPaymentRequest()), "payment",
                "GetPayment");
  ExpectCounted(backend.ListPayments(fixture_.context, payment::v1::ListPaymentsRequest()),
                "payment", "ListPayments");
}

}  // namespace
}  // namespace scaleout::gateway
