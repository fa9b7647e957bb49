// On whose behalf a service is asked, over gRPC: the context's principal in each request, the key's
// in each batch.
#include "gateway/backends/request_principal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "gateway/backends/order_backend.h"
#include "gateway/backends/payment_backend.h"
#include "gateway/backends/product_backend.h"
#include "gateway/backends/user_backend.h"
#include "tests/gateway/backends/coalesced_verb_fixture.h"
#include "tests/support/principals.h"

namespace scaleout::gateway {
namespace {

using testing::Admin;
using testing::By;
using testing::Customer;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

user::v1::GetUserRequest User(std::int64_t id) {
  user::v1::GetUserRequest request;
  request.set_user_id(id);
  return request;
}

order::v1::ListOrdersRequest OrdersOf(std::int64_t user_id) {
  order::v1::ListOrdersRequest request;
  request.set_user_id(user_id);
  return request;
}

TEST(RequestPrincipal, IsNoneOfWhatIsPublic) {
  testing::RequestFixture fixture;
  fixture.context.principal = Customer(7);
  EXPECT_EQ(PrincipalOf<user::v1::GetUserRequest>(fixture.context), Customer(7));
  EXPECT_EQ(PrincipalOf<order::v1::GetProductRequest>(fixture.context), Principal{});
}

TEST(RequestPrincipal, ReplacesWhatTheRequestHas) {
  user::v1::GetUserRequest request = By(Admin(1), User(7));
  SetPrincipal(Customer(7), request);
  EXPECT_EQ(FromProto(request.principal()), Customer(7));
  SetPrincipal(Principal{}, request);
  EXPECT_FALSE(request.has_principal());
}

TEST_F(CoalescedVerbTest, PlainCallsAreMadeOnBehalfOfTheirContext) {
  const UserBackend backend = MakeUserBackend(backends_.Get("user"));
  fixture_.context.principal = Customer(8);
  testing::RunningTask<absl::StatusOr<user::v1::GetUserResponse>> reading(
      backend.GetUser(fixture_.context, By(Admin(1), User(7))));
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return reading.done(); }));
  EXPECT_THAT(users_.asked.TakePrincipals(), ElementsAre(Customer(8)));
}

TEST_F(CoalescedVerbTest, WhatIsNotCoalescedIsAskedOnBehalfOfItsContext) {
  const OrderBackend backend = MakeOrderBackend(backends_.Get("order"), &parts_);
  fixture_.context.principal = Customer(8);
  testing::RunningTask<absl::StatusOr<order::v1::ListOrdersResponse>> reading(
      backend.ListOrders(fixture_.context, OrdersOf(0)));
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return reading.done(); }));
  EXPECT_THAT(orders_.asked.TakePrincipals(), ElementsAre(Customer(8)));
}

TEST_F(CoalescedVerbTest, ReadersOfAUserAreApart) {
  ExpectReadersApart(MakeUserBackend(backends_.Get("user"), &parts_).GetUser, users_.asked, &User);
}

TEST_F(CoalescedVerbTest, ReadersOfAnOrderAreApart) {
  ExpectReadersApart(MakeOrderBackend(backends_.Get("order"), &parts_).GetOrder, orders_.asked,
                     [](std::int64_t id) {
                       order::v1::GetOrderRequest request;
                       request.set_order_id(id);
                       return request;
                     });
}

TEST_F(CoalescedVerbTest, ReadersOfOrdersAreApart) {
  ExpectReadersApart(MakeOrderBackend(backends_.Get("order"), &parts_).ListOrders, orders_.asked,
                     &OrdersOf);
}

TEST_F(CoalescedVerbTest, ReadersOfAPaymentAreApart) {
  ExpectReadersApart(MakePaymentBackend(payment_, payment_.guard, &parts_).GetPayment,
                     payments_.asked, [](std::int64_t id) {
                       payment::v1::GetPaymentRequest request;
                       request.set_payment_id(id);
                       return request;
                     });
}

TEST_F(CoalescedVerbTest, ReadersOfPaymentsAreApart) {
  ExpectReadersApart(MakePaymentBackend(payment_, payment_.guard, &parts_).ListPayments,
                     payments_.asked, [](std::int64_t id) {
                       payment::v1::ListPaymentsRequest request;
                       request.set_user_id(id);
                       return request;
                     });
}

TEST_F(CoalescedVerbTest, ReadersOfAProductAreJoined) {
  const ProductBackend backend = MakeProductBackend(backends_.Get("order"), &parts_);
  RequestContext other(fixture_.loop, fixture_.clock);
  fixture_.context.principal = Customer(7);
  other.principal = Customer(8);
  other.deadline = fixture_.context.deadline;
  order::v1::GetProductRequest request;
  request.set_product_id(1);
  testing::RunningTask<absl::StatusOr<order::v1::GetProductResponse>> one(
      backend.GetProduct(fixture_.context, request));
  testing::RunningTask<absl::StatusOr<order::v1::GetProductResponse>> another(
      backend.GetProduct(other, request));
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return one.done() && another.done(); }));
  EXPECT_EQ(products_.asked.ones, 1);
  EXPECT_EQ(products_.asked.batches, 0);
}

}  // namespace
}  // namespace scaleout::gateway
