#include "gateway/handlers/order_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/status.h"
#include "common/str_cat.h"
#include "gateway/http/problem.h"
#include "proto/scaleout/order/v1/order_limits.h"
#include "tests/support/fake_backends.h"
#include "tests/support/principals.h"
#include "tests/support/refused_fields.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::RunningTask;
using testing::TestRequest;
using ::testing::UnorderedElementsAre;
using Answer = absl::StatusOr<Response>;

constexpr char kGoodBody[] =
    R"({"userId":7,"items":[{"productId":3,"quantity":2},{"productId":4,"quantity":1000}]})";

class OrderHandlersTest : public ::testing::Test {
 protected:
  using Verb = Task<Answer> (OrderHandlers::*)(RequestContext&, const Request&);

  Answer Ask(Verb verb, const TestRequest& request) {
    RunningTask<Answer> running((handlers_.*verb)(fixture_.context, request));
    return running.value();
  }

  std::vector<std::string> RefusedFields(std::string json) {
    TestRequest request;
    request.Json(std::move(json));
    return testing::RefusedFields(Ask(&OrderHandlers::Create, request).status());
  }

  testing::RequestFixture fixture_;
  testing::FakeOrderBackend backend_;
  OrderHandlers handlers_{backend_};
};

TEST_F(OrderHandlersTest, CreatesAnOrderAndSaysWhere) {
  order::v1::CreateOrderResponse created;
  created.mutable_order()->set_id(9);
  created.mutable_order()->set_status(order::v1::ORDER_STATUS_PENDING);
  backend_.create_order.Answers(created);
  TestRequest request;
  request.Header("Idempotency-Key", "k1").Json(kGoodBody);
  const Answer answer = Ask(&OrderHandlers::Create, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 201);
  EXPECT_THAT(answer->body, HasSubstr(R"({"id":9,"userId":0,"status":"PENDING",)"));
  EXPECT_THAT(answer->headers, ::testing::ElementsAre(Pair("Location", "/api/orders/9")));
  const order::v1::CreateOrderRequest& asked = backend_.create_order.asked().at(0);
  EXPECT_EQ(asked.user_id(), 7);
  ASSERT_EQ(asked.items_size(), 2);
  EXPECT_EQ(asked.items(0).product_id(), 3);
  EXPECT_EQ(asked.items(0).quantity(), 2);
  EXPECT_EQ(asked.items(1).quantity(), 1000);
  EXPECT_EQ(asked.idempotency_key(), "k1");
}

TEST_F(OrderHandlersTest, SaysWhenACreationIsAReplay) {
  order::v1::CreateOrderResponse created;
  created.set_replayed(true);
  backend_.create_order.Answers(created);
  TestRequest request;
  request.Json(kGoodBody);
  const Answer answer = Ask(&OrderHandlers::Create, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->headers, Contains(Pair("Idempotent-Replayed", "true")));
}

TEST_F(OrderHandlersTest, RefusesEveryBadFieldOfAnOrderAtOnce) {
  EXPECT_THAT(RefusedFields("{}"), UnorderedElementsAre("/userId", "/items"));
  EXPECT_THAT(RefusedFields(R"({"userId":"7","coupon":"x","items":[
                                 {"productId":0,"quantity":0},{"productId":1,"quantity":1001},
                                 {"quantity":2.5,"price":1},"lamp"]})"),
              UnorderedElementsAre("/userId", "/coupon", "/items/0/productId", "/items/0/quantity",
                                   "/items/1/quantity", "/items/2/productId", "/items/2/quantity",
                                   "/items/2/price", "/items/3"));
  EXPECT_THAT(RefusedFields(R"({"userId":7,"items":[]})"), UnorderedElementsAre("/items"));
  EXPECT_TRUE(backend_.create_order.asked().empty());
}

TEST_F(OrderHandlersTest, RefusesAProductThatAnotherItemHas) {
  EXPECT_THAT(RefusedFields(R"({"userId":7,"items":[{"productId":3,"quantity":1},
                                 {"productId":4,"quantity":1},{"productId":3,"quantity":2}]})"),
              UnorderedElementsAre("/items/2/productId"));
  EXPECT_THAT(RefusedFields(R"({"userId":7,"items":[{"productId":0,"quantity":1},
                                 {"productId":0,"quantity":1}]})"),
              UnorderedElementsAre("/items/0/productId", "/items/1/productId"));
  EXPECT_TRUE(backend_.create_order.asked().empty());
}

TEST_F(OrderHandlersTest, ChecksItemsAndQuantitiesAtTheLimitsOfTheContract) {
  backend_.create_order.Answers(order::v1::CreateOrderResponse());
  const auto order_of = [](int items, int quantity) {
    std::string json = R"({"userId":7,"items":[)";
    for (int i = 1; i <= items; ++i) {
      json += StrCat(i == 1 ? "" : ",", R"({"productId":)", i, R"(,"quantity":)", quantity, "}");
    }
    return json + "]}";
  };
  EXPECT_THAT(RefusedFields(order_of(order::v1::kMaxItems, order::v1::kMaxQuantity)), IsEmpty());
  EXPECT_THAT(RefusedFields(order_of(order::v1::kMinItems, order::v1::kMinQuantity)), IsEmpty());
  EXPECT_EQ(backend_.create_order.asked().size(), 2U);
  EXPECT_THAT(RefusedFields(order_of(order::v1::kMaxItems + 1, 1)), UnorderedElementsAre("/items"));
  EXPECT_THAT(RefusedFields(order_of(1, order::v1::kMaxQuantity + 1)),
              UnorderedElementsAre("/items/0/quantity"));
  EXPECT_THAT(RefusedFields(order_of(1, order::v1::kMinQuantity - 1)),
              UnorderedElementsAre("/items/0/quantity"));
  EXPECT_EQ(RefusedFields(order_of(order::v1::kMaxItems + 1, 0)).size(), 1U + order::v1::kMaxItems);
  EXPECT_EQ(backend_.create_order.asked().size(), 2U);
}

TEST_F(OrderHandlersTest, ListsOrdersOfAUser) {
  order::v1::ListOrdersResponse page;
  page.add_orders()->set_id(9);
  page.set_next_page_token("next");
  backend_.list_orders.Answers(page);
  TestRequest request;
  request.Query("user_id", "7").Query("page_size", "5").Query("page_token", "here");
  const Answer answer = Ask(&OrderHandlers::List, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->body, HasSubstr(R"({"items":[{"id":9,)"));
  EXPECT_THAT(answer->body, HasSubstr(R"(],"nextPageToken":"next"})"));
  EXPECT_EQ(backend_.list_orders.asked().at(0).user_id(), 7);
  EXPECT_EQ(backend_.list_orders.asked().at(0).page_size(), 5);
  EXPECT_EQ(backend_.list_orders.asked().at(0).page_token(), "here");
}

TEST_F(OrderHandlersTest, ACustomerIsTheUserUnlessItNamesOne) {
  fixture_.context.principal = testing::Customer(8);
  backend_.create_order.Answers(order::v1::CreateOrderResponse());
  backend_.list_orders.Answers(order::v1::ListOrdersResponse());
  for (const char* const body : {R"({"items":[{"productId":3,"quantity":2}]})",
                                 R"({"userId":7,"items":[{"productId":3,"quantity":2}]})"}) {
    TestRequest request;
    request.Json(body);
    EXPECT_TRUE(Ask(&OrderHandlers::Create, request).ok());
  }
  EXPECT_EQ(backend_.create_order.asked().at(0).user_id(), 8);
  EXPECT_EQ(backend_.create_order.asked().at(1).user_id(), 7);
  TestRequest all;
  TestRequest of_seven;
  of_seven.Query("user_id", "7");
  EXPECT_TRUE(Ask(&OrderHandlers::List, all).ok());
  EXPECT_TRUE(Ask(&OrderHandlers::List, of_seven).ok());
  EXPECT_EQ(backend_.list_orders.asked().at(0).user_id(), 8);
  EXPECT_EQ(backend_.list_orders.asked().at(1).user_id(), 7);
  fixture_.context.principal = kLabPrincipal;
  EXPECT_TRUE(Ask(&OrderHandlers::List, all).ok());
  EXPECT_EQ(backend_.list_orders.asked().at(2).user_id(), 0);
  EXPECT_THAT(RefusedFields(R"({"items":[{"productId":3,"quantity":2}]})"),
              UnorderedElementsAre("/userId"));
}

TEST_F(OrderHandlersTest, GetsAndCancelsAnOrder) {
  order::v1::GetOrderResponse found;
  found.mutable_order()->set_id(9);
  backend_.get_order.Answers(found);
  order::v1::CancelOrderResponse cancelled;
  cancelled.mutable_order()->set_status(order::v1::ORDER_STATUS_CANCELLED);
  backend_.cancel_order.Answers(cancelled);
  TestRequest request;
  request.Path("id", "9");
  EXPECT_THAT(Ask(&OrderHandlers::Get, request)->body, HasSubstr(R"({"id":9,)"));
  const Answer answer = Ask(&OrderHandlers::Cancel, request);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr(R"("status":"CANCELLED")"));
  EXPECT_EQ(backend_.get_order.asked().at(0).order_id(), 9);
  EXPECT_EQ(backend_.cancel_order.asked().at(0).order_id(), 9);
}

TEST_F(OrderHandlersTest, NamesTheFieldsThatTheServiceRefusesAsTheClientDoes) {
  backend_.create_order.Answers(
      CheckFields({{"user_id", "a"}, {"items[1].product_id", "b"}, {"items[0].quantity", "c"}}));
  backend_.list_orders.Answers(CheckFields({{"user_id", "a"}, {"page_token", "b"}}));
  backend_.get_order.Answers(CheckFields({{"order_id", "a"}}));
  backend_.cancel_order.Answers(CheckFields({{"order_id", "a"}}));
  EXPECT_THAT(RefusedFields(kGoodBody),
              ElementsAre("/userId", "/items/1/productId", "/items/0/quantity"));
  TestRequest request;
  request.Path("id", "9");
  EXPECT_THAT(testing::RefusedFields(Ask(&OrderHandlers::List, request).status()),
              ElementsAre("/user_id", "/page_token"));
  EXPECT_THAT(testing::RefusedFields(Ask(&OrderHandlers::Get, request).status()),
              ElementsAre("/id"));
  EXPECT_THAT(testing::RefusedFields(Ask(&OrderHandlers::Cancel, request).status()),
              ElementsAre("/id"));
}

TEST_F(OrderHandlersTest, AsksNothingOfTheBackendForABadRequest) {
  TestRequest bad;
  bad.Path("id", "0").Query("user_id", "x").Query("sort", "id").Json(kGoodBody);
  for (const Verb verb : {&OrderHandlers::List, &OrderHandlers::Create, &OrderHandlers::Get,
                          &OrderHandlers::Cancel}) {
    EXPECT_EQ(HttpStatusOf(Ask(verb, bad).status()), 422);
  }
  TestRequest bad_key;
  bad_key.Header("Idempotency-Key", "\x01").Json(kGoodBody);
  EXPECT_EQ(HttpStatusOf(Ask(&OrderHandlers::Create, bad_key).status()), 400);
  EXPECT_TRUE(backend_.list_orders.asked().empty());
  EXPECT_TRUE(backend_.create_order.asked().empty());
  EXPECT_TRUE(backend_.get_order.asked().empty());
  EXPECT_TRUE(backend_.cancel_order.asked().empty());
}

TEST_F(OrderHandlersTest, ForwardsTheBackendsErrors) {
  const absl::Status reused =
      WithReason(absl::FailedPreconditionError("The key was used for another order."),
                 "IDEMPOTENCY_KEY_REUSED");
  backend_.list_orders.Answers(reused);
  backend_.create_order.Answers(reused);
  backend_.get_order.Answers(reused);
  backend_.cancel_order.Answers(reused);
  TestRequest request;
  request.Path("id", "9").Json(kGoodBody);
  for (const Verb verb : {&OrderHandlers::List, &OrderHandlers::Create, &OrderHandlers::Get,
                          &OrderHandlers::Cancel}) {
    EXPECT_EQ(ReasonOf(Ask(verb, request).status()), "IDEMPOTENCY_KEY_REUSED");
  }
}

}  // namespace
}  // namespace scaleout::gateway
