// Every verb of every backend reaches the RPC of its name, and is counted under it. A line for
// each.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "gateway/backends/auth_backend.h"
#include "gateway/backends/backends.h"
#include "gateway/backends/order_backend.h"
#include "gateway/backends/payment_backend.h"
#include "gateway/backends/product_backend.h"
#include "gateway/backends/user_backend.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

// Any RPC of ours, answered with ABORTED and its own name.
class EchoService final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* call) override {
    class Reactor final : public grpc::ServerGenericBidiReactor {
     public:
      void OnDone() override { delete this; }
    };
    auto* reactor = new Reactor;
    const bool ours = call->method().starts_with("/scaleout.");
    reactor->Finish(grpc::Status(ours ? grpc::StatusCode::ABORTED : grpc::StatusCode::UNIMPLEMENTED,
                                 call->method()));
    return reactor;
  }
};

class VerbsTest : public ::testing::Test {
 protected:
  ~VerbsTest() override {
    backends_.WaitForCallbacks();
    server_->Shutdown();
  }

  // `backend` has the guard that counts the call, `service` is without "scaleout.".
  template <typename Request, typename Response>
  void ExpectCalls(const std::string& backend, const Verb<Request, Response>& verb,
                   const std::string& service, const std::string& method) {
    testing::RunningTask<absl::StatusOr<Response>> running(verb(fixture_.context, Request()));
    ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
    EXPECT_EQ(running.value().status(), absl::AbortedError("/scaleout." + service + "/" + method));
    EXPECT_EQ(metrics_
                  ->AddHistogram("rpc_client_call_duration_seconds", "", LatencyBounds(),
                                 {{"backend", backend}, {"method", method}, {"code", "ABORTED"}})
                  .count(),
              1U)
        << backend << '.' << method;
  }

  testing::SocketPath path_;
  EchoService service_;
  const std::unique_ptr<grpc::Server> server_ = [this] {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(path_.target(), grpc::InsecureServerCredentials());
    builder.RegisterCallbackGenericService(&service_);
    return builder.BuildAndStart();
  }();
  testing::RequestFixture fixture_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  std::unique_ptr<Logger> logger_ = MakeNullLogger();
  testing::GuardFixture guards_{fixture_.clock, *metrics_, *logger_};
  Backends backends_ = MakeBackends(
      {{"user", path_.target()}, {"order", path_.target()}, {"payment", path_.target()}},
      guards_.parts());
};

TEST_F(VerbsTest, UserBackendCallsTheUserService) {
  const UserBackend users = MakeUserBackend(backends_.Get("user"));
  const std::string service = "user.v1.UserService";
  ExpectCalls("user", users.CreateUser, service, "CreateUser");
  ExpectCalls("user", users.GetUser, service, "GetUser");
  ExpectCalls("user", users.ListUsers, service, "ListUsers");
  ExpectCalls("user", users.UpdateUser, service, "UpdateUser");
  ExpectCalls("user", users.DeleteUser, service, "DeleteUser");
}

TEST_F(VerbsTest, AuthBackendCallsTheAuthService) {
  BackendGuard& credentials = AddCredentialsGuard(backends_, guards_.parts());
  const AuthBackend auth = MakeAuthBackend(backends_.Get("user"), credentials);
  const std::string service = "user.v1.AuthService";
  ExpectCalls("credentials", auth.Register, service, "Register");
  ExpectCalls("credentials", auth.Login, service, "Login");
  ExpectCalls("user", auth.Refresh, service, "Refresh");
  ExpectCalls("user", auth.Logout, service, "Logout");
  EXPECT_EQ(credentials.attempt_timeout(), kCredentialTime);
}

TEST_F(VerbsTest, OrderBackendCallsTheOrderService) {
  const OrderBackend orders = MakeOrderBackend(backends_.Get("order"));
  const std::string service = "order.v1.OrderService";
  ExpectCalls("order", orders.CreateOrder, service, "CreateOrder");
  ExpectCalls("order", orders.GetOrder, service, "GetOrder");
  ExpectCalls("order", orders.ListOrders, service, "ListOrders");
  ExpectCalls("order", orders.CancelOrder, service, "CancelOrder");
  ExpectCalls("order", orders.ReservePayment, service, "ReservePayment");
  ExpectCalls("order", orders.RequestRefund, service, "RequestRefund");
}

TEST_F(VerbsTest, ProductBackendCallsTheProductService) {
  const ProductBackend products = MakeProductBackend(backends_.Get("order"));
  const std::string service = "order.v1.ProductService";
  ExpectCalls("order", products.GetProduct, service, "GetProduct");
  ExpectCalls("order", products.ListProducts, service, "ListProducts");
}

TEST_F(VerbsTest, PaymentBackendCallsThePaymentService) {
  BackendGuard& charges = AddChargesGuard(backends_, guards_.parts());
  const PaymentBackend payments = MakePaymentBackend(backends_.Get("payment"), charges);
  const std::string service = "payment.v1.PaymentService";
  ExpectCalls("charges", payments.CreatePayment, service, "CreatePayment");
  ExpectCalls("payment", payments.GetPayment, service, "GetPayment");
  ExpectCalls("payment", payments.ListPayments, service, "ListPayments");
  EXPECT_EQ(charges.attempt_timeout(), kChargeTime);
}

}  // namespace
}  // namespace scaleout::gateway
