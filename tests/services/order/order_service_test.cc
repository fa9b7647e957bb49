#include "services/order/order_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "proto/scaleout/order/v1/order_limits.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "service/page_token.h"
#include "tests/services/order/order_service_fixture.h"
#include "tests/support/principals.h"
#include "tests/support/refused_fields.h"

namespace scaleout::order {
namespace {

using scaleout::testing::By;
using scaleout::testing::ByLab;
using scaleout::testing::Customer;
using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using OrderServiceTest = OrderServiceFixture;

TEST_F(OrderServiceTest, MapsEveryStateToItsOwnStatus) {
  std::map<v1::OrderStatus, int> seen;
  for (const OrderState state : kOrderStates) {
    v1::GetOrderRequest request;
    request.set_order_id(orders_.Add(7, state).id.value());
    v1::GetOrderResponse response;
    ASSERT_TRUE(service_.GetOrder(call_, ByLab(request), response).ok());
    EXPECT_EQ(v1::OrderStatus_Name(response.order().status()),
              "ORDER_STATUS_" + std::string(OrderStateName(state)));
    ++seen[response.order().status()];
  }
  EXPECT_EQ(seen.size(), kOrderStates.size());
}

TEST_F(OrderServiceTest, RefusesInvalidIds) {
  for (const std::int64_t id : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 53}) {
    v1::GetOrderRequest get;
    get.set_order_id(id);
    v1::GetOrderResponse got;
    EXPECT_THAT(RefusedFields(service_.GetOrder(call_, ByLab(get), got)), ElementsAre("order_id"));
    v1::CancelOrderRequest cancel;
    cancel.set_order_id(id);
    v1::CancelOrderResponse cancelled;
    EXPECT_THAT(RefusedFields(service_.CancelOrder(call_, ByLab(cancel), cancelled)),
                ElementsAre("order_id"));
  }
  EXPECT_THAT(orders_.called_off, IsEmpty());
}

TEST_F(OrderServiceTest, WalksThroughAListPageByPage) {
  for (int i = 0; i < 5; ++i) orders_.Add(7);
  orders_.Add(8);
  v1::ListOrdersRequest request;
  request.set_user_id(7);
  request.set_page_size(2);
  std::vector<std::int64_t> ids;
  int pages = 0;
  do {
    v1::ListOrdersResponse response;
    ASSERT_TRUE(service_.ListOrders(call_, ByLab(request), response).ok());
    for (const v1::Order& order : response.orders()) ids.push_back(order.id());
    request.set_page_token(response.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ElementsAre(5, 4, 3, 2, 1));
  EXPECT_EQ(pages, 3);
}

TEST_F(OrderServiceTest, RefusesAnotherListsToken) {
  for (int i = 0; i < 3; ++i) orders_.Add(7);
  v1::ListOrdersRequest request;
  request.set_user_id(7);
  request.set_page_size(1);
  v1::ListOrdersResponse response;
  ASSERT_TRUE(service_.ListOrders(call_, ByLab(request), response).ok());
  request.set_page_token(response.next_page_token());
  request.set_user_id(8);
  EXPECT_THAT(RefusedFields(service_.ListOrders(call_, ByLab(request), response)),
              ElementsAre("page_token"));
  request.set_user_id(-1);
  request.set_page_size(-1);
  EXPECT_THAT(RefusedFields(service_.ListOrders(call_, ByLab(request), response)),
              ElementsAre("user_id", "page_size", "page_token"));
}

TEST_F(OrderServiceTest, AnswersABatchInTheOrderOfItsKeysWithOneCall) {
  for (int i = 0; i < 3; ++i) orders_.Add(7);
  orders_.Add(8);
  v1::BatchListOrdersRequest request;
  for (const int id : {8, 9, 7, 8}) request.add_keys()->set_user_id(id);
  request.set_page_size(2);
  v1::BatchListOrdersResponse response;
  ASSERT_TRUE(service_.BatchListOrders(call_, ByLab(request), response).ok());
  EXPECT_EQ(orders_.batches, 1);
  ASSERT_EQ(response.entries_size(), 4);
  EXPECT_EQ(response.entries(0).order_list().orders_size(), 1);
  EXPECT_EQ(response.entries(3).order_list().orders(0).user_id(), 8);
  EXPECT_THAT(response.entries(0).order_list().next_page_token(), IsEmpty());
  EXPECT_TRUE(response.entries(1).has_order_list());
  EXPECT_EQ(response.entries(1).order_list().orders_size(), 0);
  EXPECT_EQ(response.entries(2).order_list().orders_size(), 2);
  // Its token continues in ListOrders.
  v1::ListOrdersRequest rest;
  rest.set_user_id(7);
  rest.set_page_token(response.entries(2).order_list().next_page_token());
  v1::ListOrdersResponse listed;
  ASSERT_TRUE(service_.ListOrders(call_, ByLab(rest), listed).ok());
  EXPECT_EQ(listed.orders_size(), 1);
}

TEST_F(OrderServiceTest, AnswersABatchOfOrdersInTheOrderOfItsKeysWithAnErrorForEachAbsentOne) {
  for (int i = 0; i < 3; ++i) orders_.Add(7);
  v1::BatchGetOrdersRequest request;
  for (const int id : {3, 9, 1, 3}) request.add_keys()->set_order_id(id);
  v1::BatchGetOrdersResponse response;
  ASSERT_TRUE(service_.BatchGetOrders(call_, ByLab(request), response).ok());
  EXPECT_EQ(orders_.batches, 1);
  ASSERT_EQ(response.entries_size(), 4);
  EXPECT_EQ(response.entries(0).order().id(), 3);
  EXPECT_EQ(response.entries(1).error().code(), static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_EQ(response.entries(1).error().message(), "there is no order 9");
  EXPECT_EQ(response.entries(2).order().items_size(), 1);
  EXPECT_EQ(response.entries(3).order().id(), 3);
}

TEST_F(OrderServiceTest, BoundsTheAnswerOfABatchWhateverTheLengthOfItsLists) {
  // 74 orders of one user fill the answer, one order of each other user is small beside them.
  const OrderItem line{ProductId(1), std::string(800, 'n'), 1, {1, "EUR"}};
  const std::vector<OrderItem> lines(v1::kMaxItems, line);
  v1::BatchListOrdersRequest request;
  request.set_page_size(rpc::v1::kMaxPageSize);
  for (int user = 7; user < 17; ++user) {
    request.add_keys()->set_user_id(user);
    for (int i = 0; i < (user == 7 ? 74 : 1); ++i) {
      orders_.Add(user);
      orders_.orders.back().items = lines;
    }
  }
  v1::BatchListOrdersResponse response;
  ASSERT_TRUE(service_.BatchListOrders(call_, ByLab(request), response).ok());
  EXPECT_EQ(response.entries(0).order_list().orders_size(), 74);
  EXPECT_EQ(response.entries(9).error().reason(), rpc::v1::kEntryTooLarge);
  EXPECT_LE(response.ByteSizeLong(), rpc::v1::kMaxBatchAnswerBytes);
}

TEST_F(OrderServiceTest, AnswersAnErrorForTheUsersOfABatchWhoseOrdersWereNotLoaded) {
  for (const int user : {7, 8, 9}) orders_.Add(user);
  orders_.users_that_fit = 1;
  v1::BatchListOrdersRequest request;
  for (const int user : {8, 10, 7}) request.add_keys()->set_user_id(user);
  v1::BatchListOrdersResponse response;
  ASSERT_TRUE(service_.BatchListOrders(call_, ByLab(request), response).ok());
  ASSERT_EQ(response.entries_size(), 3);
  EXPECT_EQ(response.entries(0).order_list().orders_size(), 1);
  EXPECT_EQ(response.entries(1).error().reason(), rpc::v1::kEntryTooLarge);
  EXPECT_EQ(response.entries(2).error().reason(), rpc::v1::kEntryTooLarge);
}

TEST_F(OrderServiceTest, RefusesABatchOfNoKeysOfTooManyOrOfInvalidOnes) {
  v1::BatchListOrdersRequest request;
  v1::BatchListOrdersResponse response;
  EXPECT_THAT(RefusedFields(service_.BatchListOrders(call_, ByLab(request), response)),
              ElementsAre("keys"));
  for (int i = 1; i <= 65; ++i) request.add_keys()->set_user_id(i);
  EXPECT_THAT(RefusedFields(service_.BatchListOrders(call_, ByLab(request), response)),
              ElementsAre("keys"));
  request.clear_keys();
  for (const int id : {7, 0, 7}) request.add_keys()->set_user_id(id);
  request.set_page_size(-1);
  EXPECT_THAT(RefusedFields(service_.BatchListOrders(call_, ByLab(request), response)),
              ElementsAre("keys[1].user_id", "page_size"));
  v1::BatchGetOrdersRequest orders;
  v1::BatchGetOrdersResponse read;
  orders.add_keys();
  EXPECT_THAT(RefusedFields(service_.BatchGetOrders(call_, ByLab(orders), read)),
              ElementsAre("keys[0].order_id"));
  EXPECT_EQ(orders_.batches, 0);
}

TEST_F(OrderServiceTest, RefusesEveryRequestWithoutAPrincipal) {
  v1::CreateOrderResponse created;
  v1::CreateOrderRequest create;
  EXPECT_TRUE(absl::IsUnauthenticated(service_.CreateOrder(call_, create, created)));
  EXPECT_TRUE(absl::IsUnauthenticated(
      service_.CreateOrder(call_, By({0, Role::kCustomer}, create), created)));
  v1::GetOrderResponse got;
  EXPECT_TRUE(absl::IsUnauthenticated(service_.GetOrder(call_, v1::GetOrderRequest(), got)));
  v1::ListOrdersResponse listed;
  EXPECT_TRUE(absl::IsUnauthenticated(service_.ListOrders(call_, v1::ListOrdersRequest(), listed)));
  v1::CancelOrderResponse cancelled;
  EXPECT_TRUE(
      absl::IsUnauthenticated(service_.CancelOrder(call_, v1::CancelOrderRequest(), cancelled)));
  v1::ReservePaymentResponse reserved;
  EXPECT_TRUE(absl::IsUnauthenticated(
      service_.ReservePayment(call_, v1::ReservePaymentRequest(), reserved)));
  v1::RequestRefundResponse refunded;
  EXPECT_TRUE(
      absl::IsUnauthenticated(service_.RequestRefund(call_, v1::RequestRefundRequest(), refunded)));
  EXPECT_TRUE(orders_.orders.empty());
}

TEST_F(OrderServiceTest, ACustomerFindsAndCancelsItsOwnOrdersOnly) {
  orders_.Add(7);
  v1::GetOrderRequest get;
  get.set_order_id(1);
  v1::GetOrderResponse got;
  EXPECT_TRUE(service_.GetOrder(call_, By(Customer(7), get), got).ok());
  EXPECT_EQ(service_.GetOrder(call_, By(Customer(8), get), got),
            absl::NotFoundError("there is no order 1"));
  v1::CancelOrderRequest cancel;
  cancel.set_order_id(1);
  v1::CancelOrderResponse cancelled;
  EXPECT_EQ(service_.CancelOrder(call_, By(Customer(8), cancel), cancelled),
            absl::NotFoundError("there is no order 1"));
  EXPECT_TRUE(service_.CancelOrder(call_, By(Customer(7), cancel), cancelled).ok());
}

TEST_F(OrderServiceTest, ACustomersListIsItsOwn) {
  for (const int user : {7, 8, 7}) orders_.Add(user);
  v1::ListOrdersRequest request;
  request.set_page_size(1);
  v1::ListOrdersResponse response;
  ASSERT_TRUE(service_.ListOrders(call_, By(Customer(8), request), response).ok());
  EXPECT_EQ(response.orders_size(), 1);
  EXPECT_THAT(response.next_page_token(), IsEmpty());
  v1::ListOrdersResponse of_seven;
  ASSERT_TRUE(service_.ListOrders(call_, By(Customer(7), request), of_seven).ok());
  // The token is of that user's list, however it was asked for.
  request.set_page_token(of_seven.next_page_token());
  EXPECT_THAT(RefusedFields(service_.ListOrders(call_, By(Customer(8), request), response)),
              ElementsAre("page_token"));
  EXPECT_THAT(RefusedFields(service_.ListOrders(call_, ByLab(request), response)),
              ElementsAre("page_token"));
  request.set_user_id(7);
  EXPECT_TRUE(service_.ListOrders(call_, By(Customer(7), request), response).ok());
  EXPECT_TRUE(service_.ListOrders(call_, ByLab(request), response).ok());
  request.clear_page_token();
  EXPECT_EQ(service_.ListOrders(call_, By(Customer(8), request), response),
            absl::NotFoundError("there is no user 7"));
}

TEST_F(OrderServiceTest, AnswersEachKeyOfABatchForItsPrincipal) {
  orders_.Add(7);
  v1::BatchGetOrdersRequest orders;
  v1::BatchListOrdersRequest lists;
  for (const Principal& reader :
       {Customer(8), Customer(7), kLabPrincipal, Principal{}, scaleout::testing::Admin(9)}) {
    orders.add_keys()->set_order_id(1);
    ToProto(reader, *orders.mutable_keys()->rbegin()->mutable_principal());
    lists.add_keys()->set_user_id(7);
    ToProto(reader, *lists.mutable_keys()->rbegin()->mutable_principal());
  }
  v1::BatchGetOrdersResponse read;
  ASSERT_TRUE(service_.BatchGetOrders(call_, orders, read).ok());
  EXPECT_EQ(orders_.batches, 1);
  EXPECT_EQ(orders_.asked.size(), 3u) << "once for each owner";
  EXPECT_EQ(read.entries(0).error().message(), "there is no order 1");
  EXPECT_EQ(read.entries(3).error().code(), static_cast<int>(absl::StatusCode::kUnauthenticated));
  for (const int allowed : {1, 2, 4}) EXPECT_EQ(read.entries(allowed).order().id(), 1);
  v1::BatchListOrdersResponse listed;
  ASSERT_TRUE(service_.BatchListOrders(call_, lists, listed).ok());
  EXPECT_EQ(listed.entries(0).error().message(), "there is no user 7");
  EXPECT_EQ(listed.entries(3).error().code(), static_cast<int>(absl::StatusCode::kUnauthenticated));
  for (const int allowed : {1, 2, 4}) {
    EXPECT_EQ(listed.entries(allowed).order_list().orders_size(), 1);
  }
}

}  // namespace
}  // namespace scaleout::order
