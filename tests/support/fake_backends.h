// Backends without services: each verb notes what it was asked and answers what the test says, at
// once or when the test says so. A held call ends with CANCELLED when its client goes, as a real
// one does.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_BACKENDS_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_BACKENDS_H_

#include <chrono>
#include <coroutine>
#include <deque>
#include <functional>
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
#include "common/principal.h"
#include "gateway/backends/auth_backend.h"
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

// Takes the place of one verb of a typed backend.
template <typename Verb>
class FakeVerb;

template <typename Request, typename Answer>
class FakeVerb<std::function<gateway::Task<Answer>(gateway::RequestContext&, Request)>> {
 public:
  using Verb = std::function<gateway::Task<Answer>(gateway::RequestContext&, Request)>;

  explicit FakeVerb(Verb& verb) {
    verb = [this](gateway::RequestContext& context, Request&& request) {
      return Call(context, std::move(request));
    };
  }
  FakeVerb(const FakeVerb&) = delete;
  FakeVerb& operator=(const FakeVerb&) = delete;

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
  // On whose behalf, for each of them.
  const std::vector<Principal>& asked_by() const { return asked_by_; }

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

  gateway::Task<Answer> Call(gateway::RequestContext& context, Request request) {
    asked_.push_back(std::move(request));
    asked_by_.push_back(context.principal);
    if (!holding_) co_return answer_;
    Waiter waiter(*this, context);
    Answer answer = co_await waiter;
    co_return answer;
  }

  std::vector<Request> asked_;
  std::vector<Principal> asked_by_;
  Answer answer_{absl::UnimplementedError("The test has not said what to answer.")};
  bool holding_ = false;
  std::deque<Waiter*> waiting_;
};

struct FakeUserBackend final : gateway::UserBackend {
  FakeVerb<decltype(CreateUser)> create_user{CreateUser};
  FakeVerb<decltype(GetUser)> get_user{GetUser};
  FakeVerb<decltype(ListUsers)> list_users{ListUsers};
  FakeVerb<decltype(UpdateUser)> update_user{UpdateUser};
  FakeVerb<decltype(DeleteUser)> delete_user{DeleteUser};
};

struct FakeAuthBackend final : gateway::AuthBackend {
  FakeVerb<decltype(Register)> register_user{Register};
  FakeVerb<decltype(Login)> login{Login};
  FakeVerb<decltype(Refresh)> refresh{Refresh};
  FakeVerb<decltype(Logout)> logout{Logout};
};

struct FakeOrderBackend final : gateway::OrderBackend {
  FakeVerb<decltype(CreateOrder)> create_order{CreateOrder};
  FakeVerb<decltype(GetOrder)> get_order{GetOrder};
  FakeVerb<decltype(ListOrders)> list_orders{ListOrders};
  FakeVerb<decltype(CancelOrder)> cancel_order{CancelOrder};
  FakeVerb<decltype(ReservePayment)> reserve_payment{ReservePayment};
  FakeVerb<decltype(RequestRefund)> request_refund{RequestRefund};
};

struct FakeProductBackend final : gateway::ProductBackend {
  FakeVerb<decltype(GetProduct)> get_product{GetProduct};
  FakeVerb<decltype(ListProducts)> list_products{ListProducts};
};

struct FakePaymentBackend final : gateway::PaymentBackend {
  FakePaymentBackend() {
    FindRefusal = [this](const gateway::RequestContext&) { return refusal; };
  }

  FakeVerb<decltype(CreatePayment)> create_payment{CreatePayment};
  FakeVerb<decltype(GetPayment)> get_payment{GetPayment};
  FakeVerb<decltype(ListPayments)> list_payments{ListPayments};
  absl::Status refusal;
};

// Answers with its member at once.
class FakeBackendHealth final : public gateway::BackendHealth {
 public:
  explicit FakeBackendHealth(gateway::ServingState state_in) : state(state_in) {}

  gateway::Task<gateway::HealthReport> Check(gateway::RequestContext&) override {
    ++checks;
    const gateway::HealthReport report(state, std::chrono::microseconds(1500));
    co_return report;
  }

  gateway::ServingState state;
  int checks = 0;
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
