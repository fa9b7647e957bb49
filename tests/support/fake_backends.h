// Backends without services: each verb notes what it was asked and answers what the test says, at
// once or when the test says so. A held call ends with CANCELLED when its client goes, as a real
// one does.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_BACKENDS_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_BACKENDS_H_

#include <chrono>
#include <coroutine>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/backends/backend_health.h"
#include "gateway/backends/backends.h"
#include "gateway/backends/order_backend.h"
#include "gateway/backends/payment_backend.h"
#include "gateway/backends/product_backend.h"
#include "gateway/backends/user_backend.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "tests/support/guard_fixture.h"

namespace scaleout::testing {

template <typename Request, typename Answer>
class FakeVerb {
 public:
  // From now on every call gets `answer` at once. Before: UNIMPLEMENTED.
  void Answers(Answer answer) {
    answer_ = std::move(answer);
    holding_ = false;
  }
  // From now on calls wait for Release.
  void Holds() { holding_ = true; }
  // Ends the call that has waited longest; it resumes on its loop.
  void Release(Answer answer) {
    Waiter* waiter = waiting_.front();
    waiting_.pop_front();
    waiter->End(std::move(answer));
  }

  const std::vector<Request>& asked() const { return asked_; }

  gateway::Task<Answer> Call(gateway::RequestContext& context, Request request) {
    asked_.push_back(std::move(request));
    if (!holding_) co_return answer_;
    Waiter waiter(*this, context);
    Answer answer = co_await waiter;
    co_return answer;
  }

 private:
  class Waiter final : public gateway::Job, public gateway::CancelListener {
   public:
    Waiter(FakeVerb& verb, gateway::RequestContext& context) : verb_(verb), context_(context) {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) {
      awaiter_ = awaiter;
      verb_.waiting_.push_back(this);
      context_.cancellation.Add(*this);
    }
    Answer await_resume() { return *std::move(answer_); }

    void End(Answer answer) {
      answer_.emplace(std::move(answer));
      context_.loop.Post(*this);
    }
    void Run() override { awaiter_.resume(); }
    void OnCancel() override {
      std::erase(verb_.waiting_, this);
      End(absl::CancelledError("The client is gone."));
    }

   private:
    FakeVerb& verb_;
    gateway::RequestContext& context_;
    std::optional<Answer> answer_;
    std::coroutine_handle<> awaiter_;
  };

  std::vector<Request> asked_;
  Answer answer_{absl::UnimplementedError("The test has not said what to answer.")};
  bool holding_ = false;
  std::deque<Waiter*> waiting_;
};

class FakeUserBackend final : public gateway::UserBackend {
 public:
  gateway::Task<absl::StatusOr<user::v1::CreateUserResponse>> CreateUser(
      gateway::RequestContext& context, user::v1::CreateUserRequest request) override {
    return create_user.Call(context, std::move(request));
  }
  gateway::Task<absl::StatusOr<user::v1::GetUserResponse>> GetUser(
      gateway::RequestContext& context, user::v1::GetUserRequest request) override {
    return get_user.Call(context, std::move(request));
  }
  gateway::Task<absl::StatusOr<user::v1::ListUsersResponse>> ListUsers(
      gateway::RequestContext& context, user::v1::ListUsersRequest request) override {
    return list_users.Call(context, std::move(request));
  }
  gateway::Task<absl::StatusOr<user::v1::UpdateUserResponse>> UpdateUser(
      gateway::RequestContext& context, user::v1::UpdateUserRequest request) override {
    return update_user.Call(context, std::move(request));
  }
  gateway::Task<absl::StatusOr<user::v1::DeleteUserResponse>> DeleteUser(
      gateway::RequestContext& context, user::v1::DeleteUserRequest request) override {
    return delete_user.Call(context, std::move(request));
  }

  FakeVerb<user::v1::CreateUserRequest, absl::StatusOr<user::v1::CreateUserResponse>> create_user;
  FakeVerb<user::v1::GetUserRequest, absl::StatusOr<user::v1::GetUserResponse>> get_user;
  FakeVerb<user::v1::ListUsersRequest, absl::StatusOr<user::v1::ListUsersResponse>> list_users;
  FakeVerb<user::v1::UpdateUserRequest, absl::StatusOr<user::v1::UpdateUserResponse>> update_user;
  FakeVerb<user::v1::DeleteUserRequest, absl::StatusOr<user::v1::DeleteUserResponse>> delete_user;
};

class FakeOrderBackend final : public gateway::OrderBackend {
 public:
  gateway::Task<absl::StatusOr<order::v1::CreateOrderResponse>> CreateOrder(
      gateway::RequestContext& context, order::v1::CreateOrderRequest request) override {
    return create_order.Call(context, std::move(request));
  }
  gateway::Task<absl::StatusOr<order::v1::GetOrderResponse>> GetOrder(
      gateway::RequestContext& context, order::v1::GetOrderRequest request) override {
    return get_order.Call(context, std::move(request));
  }
  gateway::Task<absl::StatusOr<order::v1::ListOrdersResponse>> ListOrders(
      gateway::RequestContext& context, order::v1::ListOrdersRequest request) override {
    return list_orders.Call(context, std::move(request));
  }
  gateway::Task<absl::StatusOr<order::v1::CancelOrderResponse>> CancelOrder(
      gateway::RequestContext& context, order::v1::CancelOrderRequest request) override {
    return cancel_order.Call(context, std::move(request));
  }

  FakeVerb<order::v1::CreateOrderRequest, absl::StatusOr<order::v1::CreateOrderResponse>>
      create_order;
  FakeVerb<order::v1::GetOrderRequest, absl::StatusOr<order::v1::GetOrderResponse>> get_order;
  FakeVerb<order::v1::ListOrdersRequest, absl::StatusOr<order::v1::ListOrdersResponse>> list_orders;
  FakeVerb<order::v1::CancelOrderRequest, absl::StatusOr<order::v1::CancelOrderResponse>>
      cancel_order;
};

class FakeProductBackend final : public gateway::ProductBackend {
 public:
  gateway::Task<absl::StatusOr<order::v1::GetProductResponse>> GetProduct(
      gateway::RequestContext& context, order::v1::GetProductRequest request) override {
    return get_product.Call(context, std::move(request));
  }
  gateway::Task<absl::StatusOr<order::v1::ListProductsResponse>> ListProducts(
      gateway::RequestContext& context, order::v1::ListProductsRequest request) override {
    return list_products.Call(context, std::move(request));
  }

  FakeVerb<order::v1::GetProductRequest, absl::StatusOr<order::v1::GetProductResponse>> get_product;
  FakeVerb<order::v1::ListProductsRequest, absl::StatusOr<order::v1::ListProductsResponse>>
      list_products;
};

class FakePaymentBackend final : public gateway::PaymentBackend {
 public:
  gateway::Task<absl::StatusOr<payment::v1::CreatePaymentResponse>> CreatePayment(
      gateway::RequestContext& context, payment::v1::CreatePaymentRequest request) override {
    return create_payment.Call(context, std::move(request));
  }
  gateway::Task<absl::StatusOr<payment::v1::GetPaymentResponse>> GetPayment(
      gateway::RequestContext& context, payment::v1::GetPaymentRequest request) override {
    return get_payment.Call(context, std::move(request));
  }
  gateway::Task<absl::StatusOr<payment::v1::ListPaymentsResponse>> ListPayments(
      gateway::RequestContext& context, payment::v1::ListPaymentsRequest request) override {
    return list_payments.Call(context, std::move(request));
  }

  FakeVerb<payment::v1::CreatePaymentRequest, absl::StatusOr<payment::v1::CreatePaymentResponse>>
      create_payment;
  FakeVerb<payment::v1::GetPaymentRequest, absl::StatusOr<payment::v1::GetPaymentResponse>>
      get_payment;
  FakeVerb<payment::v1::ListPaymentsRequest, absl::StatusOr<payment::v1::ListPaymentsResponse>>
      list_payments;
};

// Answers with its member at once.
class FakeBackendHealth final : public gateway::BackendHealth {
 public:
  explicit FakeBackendHealth(gateway::ServingState state_in) : state(state_in) {}

  gateway::Task<gateway::HealthReport> Check(gateway::RequestContext&) override {
    const gateway::HealthReport report(state, std::chrono::microseconds(1500));
    co_return report;
  }

  gateway::ServingState state;
};

// A list of backends without services, over a registry and a logger of their own. Three, whatever
// the table has, so that what an answer looks like does not depend on it.
struct ThreeBackends {
  std::unique_ptr<Metrics> metrics = MakeMetrics();
  std::unique_ptr<Logger> logger = MakeNullLogger();
  GuardFixture fixture{SystemClock(), *metrics, *logger};
  gateway::Backends all;
  FakeBackendHealth& user_health = Add("user");
  FakeBackendHealth& order_health = Add("order");
  FakeBackendHealth& payment_health = Add("payment");
  gateway::BackendGuard& user = all.Get("user").guard;
  gateway::BackendGuard& order = all.Get("order").guard;
  gateway::BackendGuard& payment = all.Get("payment").guard;

 private:
  FakeBackendHealth& Add(std::string_view name) {
    auto health = std::make_unique<FakeBackendHealth>(gateway::ServingState::kServing);
    FakeBackendHealth& added = *health;
    all.Add(name, fixture.parts(), std::move(health));
    return added;
  }
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_BACKENDS_H_
