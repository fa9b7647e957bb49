// What each verb's answer is cached under, and what each write takes out of the cache.
#include "gateway/backends/cached_backends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <type_traits>

#include "gateway/resilience/rejection.h"
#include "tests/gateway/redis/loop_redis_fixture.h"
#include "tests/support/fake_backends.h"

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;
using testing::Eventually;
using ::testing::IsEmpty;
using testing::PrivateRedis;

class CachedBackendsTest : public ::testing::Test {
 protected:
  CachedBackendsTest() {
    CacheUsers(cache_, backends_.all.Get("user"), users_);
    InvalidateUsersAfter(cache_, auth_);
    CacheOrders(cache_, backends_.all.Get("order"), orders_);
    CacheProducts(cache_, backends_.all.Get("order"), products_);
    CachePayments(cache_, backends_.all.Get("payment"), payments_);
    users_.get_user.Answers(user::v1::GetUserResponse());
    orders_.get_order.Answers(order::v1::GetOrderResponse());
    orders_.list_orders.Answers(order::v1::ListOrdersResponse());
    products_.get_product.Answers(order::v1::GetProductResponse());
    products_.list_products.Answers(order::v1::ListProductsResponse());
    payments_.get_payment.Answers(payment::v1::GetPaymentResponse());
    payments_.list_payments.Answers(payment::v1::ListPaymentsResponse());
    redis_.Start();
    loops_.Start();
    EXPECT_TRUE(Eventually([this] { return redis_.Of(loops_.at(0)).up(); }));
  }
  ~CachedBackendsTest() override {
    EXPECT_TRUE(Eventually([this] { return cache_.idle(); }));
    loops_.Stop();
  }

  template <typename Request, typename Response>
  CacheResult Ask(Verb<Request, Response>& verb, const Request& request) {
    return loops_.Await<CacheResult>([&verb, request](RequestContext& context) {
      return [](RequestContext& asked, Task<absl::StatusOr<Response>> asking) -> Task<CacheResult> {
        const absl::StatusOr<Response> answer = co_await asking;
        static_cast<void>(answer);
        co_return asked.cache.result;
      }(context, verb(context, request));
    });
  }

  // Each read by a name.
  CacheResult Read(const std::string& name) {
    const std::int64_t id = name.back() - '0';
    if (name.starts_with("user")) {
      user::v1::GetUserRequest request;
      request.set_user_id(id);
      return Ask(users_.GetUser, request);
    }
    if (name.starts_with("orders of")) {
      order::v1::ListOrdersRequest request;
      request.set_user_id(id);
      request.set_page_size(5);
      return Ask(orders_.ListOrders, request);
    }
    if (name.starts_with("order")) {
      order::v1::GetOrderRequest request;
      request.set_order_id(id);
      return Ask(orders_.GetOrder, request);
    }
    if (name.starts_with("payments of")) {
      payment::v1::ListPaymentsRequest request;
      request.set_user_id(id);
      return Ask(payments_.ListPayments, request);
    }
    if (name.starts_with("payment")) {
      payment::v1::GetPaymentRequest request;
      request.set_payment_id(id);
      return Ask(payments_.GetPayment, request);
    }
    if (name == "products") return Ask(products_.ListProducts, order::v1::ListProductsRequest());
    order::v1::GetProductRequest request;
    request.set_product_id(id);
    return Ask(products_.GetProduct, request);
  }

  // Which of all reads are missed after `write`, which were hits before.
  template <typename Write>
  std::set<std::string> MissedAfter(Write write) {
    const std::vector<std::string> all = {
        "user 1",    "user 2",   "order 1",   "order 2",   "orders of 1",   "orders of 2",
        "product 1", "products", "payment 1", "payment 2", "payments of 1", "payments of 2"};
    for (const std::string& name : all) {
      EXPECT_TRUE(Eventually([&] { return Read(name) == CacheResult::kHit; })) << name;
    }
    write();
    std::set<std::string> missed;
    for (const std::string& name : all) {
      if (Read(name) == CacheResult::kMiss) missed.insert(name);
    }
    return missed;
  }

  // Of `verb`, about the order 1.
  template <typename Request, typename Response>
  std::set<std::string> MissedAfterWriteOf1(Verb<Request, Response>& verb,
                                            testing::FakeVerb<Verb<Request, Response>>& fake,
                                            std::type_identity_t<absl::StatusOr<Response>> answer) {
    return MissedAfter([&] {
      fake.Answers(answer);
      Request request;
      request.set_order_id(1);
      Ask(verb, request);
    });
  }

  std::set<std::string> MissedAfterCancelOf1(
      const absl::StatusOr<order::v1::CancelOrderResponse>& answer) {
    return MissedAfterWriteOf1(orders_.CancelOrder, orders_.cancel_order, answer);
  }

  PrivateRedis server_;
  testing::RunningLoops loops_{1};
  LoopRedis redis_{"redis-cache",   server_.server(), {}, loops_.executors(), SystemClock(),
                   loops_.logger(), loops_.metrics()};
  ReadCache cache_{{},
                   redis_,
                   loops_.executors(),
                   SystemClock(),
                   loops_.logger(),
                   loops_.metrics(),
                   MakeTokenSource()};
  testing::ThreeBackends backends_;
  testing::FakeUserBackend users_;
  testing::FakeAuthBackend auth_;
  testing::FakeOrderBackend orders_;
  testing::FakeProductBackend products_;
  testing::FakePaymentBackend payments_;
};

TEST_F(CachedBackendsTest, WritesOfUsers) {
  user::v1::CreateUserResponse created;
  created.mutable_user()->set_id(1);
  users_.create_user.Answers(created);
  EXPECT_THAT(MissedAfter([this] { Ask(users_.CreateUser, user::v1::CreateUserRequest()); }),
              ElementsAre("user 1"));
  users_.create_user.Answers(absl::AlreadyExistsError("taken"));
  EXPECT_THAT(MissedAfter([this] { Ask(users_.CreateUser, user::v1::CreateUserRequest()); }),
              IsEmpty());
  user::v1::UpdateUserRequest update;
  update.set_user_id(2);
  EXPECT_THAT(MissedAfter([&] { Ask(users_.UpdateUser, update); }), ElementsAre("user 2"));
  user::v1::DeleteUserRequest remove;
  remove.set_user_id(1);
  EXPECT_THAT(MissedAfter([&] { Ask(users_.DeleteUser, remove); }), ElementsAre("user 1"));
}

TEST_F(CachedBackendsTest, ARegistration) {
  user::v1::RegisterResponse registered;
  registered.mutable_user()->set_id(1);
  auth_.register_user.Answers(registered);
  EXPECT_THAT(MissedAfter([this] { Ask(auth_.Register, user::v1::RegisterRequest()); }),
              ElementsAre("user 1"));
  auth_.register_user.Answers(absl::AlreadyExistsError("taken"));
  EXPECT_THAT(MissedAfter([this] { Ask(auth_.Register, user::v1::RegisterRequest()); }), IsEmpty());
}

TEST_F(CachedBackendsTest, ANewOrder) {
  order::v1::CreateOrderRequest request;
  request.set_user_id(2);
  order::v1::CreateOrderResponse created;
  created.mutable_order()->set_id(1);
  orders_.create_order.Answers(created);
  EXPECT_THAT(MissedAfter([&] { Ask(orders_.CreateOrder, request); }),
              ElementsAre("order 1", "orders of 2"));
  orders_.create_order.Answers(absl::UnavailableError("late"));
  EXPECT_THAT(MissedAfter([&] { Ask(orders_.CreateOrder, request); }), ElementsAre("orders of 2"));
}

TEST_F(CachedBackendsTest, ACancelledOrder) {
  order::v1::CancelOrderResponse cancelled;
  cancelled.mutable_order()->set_user_id(2);
  EXPECT_THAT(MissedAfterCancelOf1(cancelled), ElementsAre("order 1", "orders of 2"));
}

TEST_F(CachedBackendsTest, ACancellationWithoutAnAnswerMayBeOfAnyUser) {
  EXPECT_THAT(MissedAfterCancelOf1(absl::DeadlineExceededError("late")),
              ElementsAre("order 1", "orders of 1", "orders of 2"));
}

TEST_F(CachedBackendsTest, ARefusedCancellationChangesNoList) {
  EXPECT_THAT(MissedAfterCancelOf1(absl::FailedPreconditionError("paid")), ElementsAre("order 1"));
}

TEST_F(CachedBackendsTest, AWriteThatWasNotSentChangesNothing) {
  EXPECT_THAT(MissedAfterCancelOf1(BulkheadFull("order", 1)), IsEmpty());
}

TEST_F(CachedBackendsTest, AReservedOrder) {
  const auto missed = [this](const absl::StatusOr<order::v1::ReservePaymentResponse>& answer) {
    return MissedAfterWriteOf1(orders_.ReservePayment, orders_.reserve_payment, answer);
  };
  order::v1::ReservePaymentResponse reserved;
  reserved.mutable_reservation()->set_user_id(2);
  EXPECT_THAT(missed(reserved), ElementsAre("order 1", "orders of 2"));
  EXPECT_THAT(missed(absl::AbortedError("in progress")), ElementsAre("order 1"));
  EXPECT_THAT(missed(absl::UnavailableError("late")),
              ElementsAre("order 1", "orders of 1", "orders of 2"));
  EXPECT_THAT(missed(BulkheadFull("order", 1)), IsEmpty());
}

TEST_F(CachedBackendsTest, AnOrderWhosePaymentIsToBeGivenBack) {
  const auto missed = [this](const absl::StatusOr<order::v1::RequestRefundResponse>& answer) {
    return MissedAfterWriteOf1(orders_.RequestRefund, orders_.request_refund, answer);
  };
  order::v1::RequestRefundResponse refunding;
  refunding.mutable_order()->set_user_id(2);
  EXPECT_THAT(missed(refunding), ElementsAre("order 1", "orders of 2"));
  EXPECT_THAT(missed(absl::FailedPreconditionError("fulfilled")), ElementsAre("order 1"));
  EXPECT_THAT(missed(absl::DeadlineExceededError("late")),
              ElementsAre("order 1", "orders of 1", "orders of 2"));
}

TEST_F(CachedBackendsTest, ANewPayment) {
  payment::v1::CreatePaymentRequest request;
  request.set_user_id(1);
  payment::v1::CreatePaymentResponse created;
  created.mutable_payment()->set_id(2);
  payments_.create_payment.Answers(created);
  EXPECT_THAT(MissedAfter([&] { Ask(payments_.CreatePayment, request); }),
              ElementsAre("payment 2", "payments of 1"));
  payments_.create_payment.Answers(absl::UnavailableError("late"));
  EXPECT_THAT(MissedAfter([&] { Ask(payments_.CreatePayment, request); }),
              ElementsAre("payments of 1"));
}

TEST_F(CachedBackendsTest, ListsOfOtherSizesAndPagesAreOtherValues) {
  order::v1::ListOrdersRequest orders;
  orders.set_user_id(1);
  orders.set_page_size(5);
  ASSERT_TRUE(Eventually([&] { return Ask(orders_.ListOrders, orders) == CacheResult::kHit; }));
  orders.set_page_size(6);
  EXPECT_EQ(Ask(orders_.ListOrders, orders), CacheResult::kMiss);
  orders.set_page_token("next");
  EXPECT_EQ(Ask(orders_.ListOrders, orders), CacheResult::kNone);
  payment::v1::ListPaymentsRequest payments;
  payments.set_user_id(1);
  payments.set_order_id(1);
  EXPECT_EQ(Ask(payments_.ListPayments, payments), CacheResult::kNone);
  order::v1::ListProductsRequest products;
  ASSERT_TRUE(
      Eventually([&] { return Ask(products_.ListProducts, products) == CacheResult::kHit; }));
  products.set_page_token("next");
  EXPECT_EQ(Ask(products_.ListProducts, products), CacheResult::kMiss);
}

TEST_F(CachedBackendsTest, WhatNoContractAllowsIsNotCached) {
  EXPECT_EQ(Ask(users_.GetUser, user::v1::GetUserRequest()), CacheResult::kNone);
  EXPECT_EQ(Ask(orders_.ListOrders, order::v1::ListOrdersRequest()), CacheResult::kNone);
  order::v1::ListProductsRequest products;
  products.set_page_size(-1);
  EXPECT_EQ(Ask(products_.ListProducts, products), CacheResult::kNone);
}

}  // namespace
}  // namespace scaleout::gateway
