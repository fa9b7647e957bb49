// How orders are created, once for each idempotency key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "proto/scaleout/order/v1/order_limits.h"
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

class OrderServiceCreationTest : public OrderServiceFixture {
 protected:
  v1::CreateOrderRequest ValidRequest() {
    v1::CreateOrderRequest request;
    request.set_user_id(7);
    request.set_idempotency_key("key");
    auto& item = *request.add_items();
    item.set_product_id(1);
    item.set_quantity(2);
    return request;
  }
};

TEST_F(OrderServiceCreationTest, CreatesWhatIsAskedFor) {
  v1::CreateOrderResponse response;
  ASSERT_TRUE(service_.CreateOrder(call_, ByLab(ValidRequest()), response).ok());
  EXPECT_EQ(orders_.created.user_id, UserId(7));
  EXPECT_EQ(writes_.key.principal, kLabPrincipal);
  EXPECT_EQ(writes_.key.route, "CreateOrder");
  EXPECT_EQ(writes_.key.key, "key");
  EXPECT_EQ(writes_.created_id, response.order().id());
  ASSERT_EQ(orders_.created.items.size(), 1u);
  EXPECT_EQ(orders_.created.items[0].quantity, 2);
  EXPECT_EQ(response.order().status(), v1::ORDER_STATUS_PENDING);
  EXPECT_EQ(response.order().total().amount_minor(), 3998);
  EXPECT_EQ(response.order().items(0).unit_price().currency_code(), "EUR");
  EXPECT_EQ(response.order().created_at().seconds(), 1'700'000'000);
  EXPECT_FALSE(response.replayed());
}

TEST_F(OrderServiceCreationTest, AnswersARepeatedKeyAsTheFirstTime) {
  v1::CreateOrderResponse first;
  ASSERT_TRUE(service_.CreateOrder(call_, ByLab(ValidRequest()), first).ok());
  v1::CreateOrderResponse second;
  ASSERT_TRUE(service_.CreateOrder(call_, ByLab(ValidRequest()), second).ok());
  EXPECT_TRUE(second.replayed());
  EXPECT_EQ(second.order().SerializeAsString(), first.order().SerializeAsString());
  EXPECT_EQ(orders_.orders.size(), 1u);
}

TEST_F(OrderServiceCreationTest, RefusesAKeyThatWasUsedForAnotherOrder) {
  v1::CreateOrderResponse response;
  ASSERT_TRUE(service_.CreateOrder(call_, ByLab(ValidRequest()), response).ok());
  std::vector<v1::CreateOrderRequest> others(4, ValidRequest());
  others[0].set_user_id(8);
  others[1].mutable_items(0)->set_quantity(3);
  others[2].mutable_items(0)->set_product_id(2);
  others[3].add_items()->set_product_id(2);
  others[3].mutable_items(1)->set_quantity(2);
  for (const v1::CreateOrderRequest& other : others) {
    EXPECT_EQ(ReasonOf(service_.CreateOrder(call_, ByLab(other), response)),
              "IDEMPOTENCY_KEY_REUSED");
  }
  EXPECT_EQ(orders_.orders.size(), 1u);
}

TEST_F(OrderServiceCreationTest, ListsEveryRefusedFieldAtOnce) {
  v1::CreateOrderRequest request;
  request.set_idempotency_key(std::string(201, 'k'));
  for (const auto& [product, quantity] : {std::pair(1, 0), {1, 1001}, {0, 1}}) {
    request.add_items()->set_product_id(product);
    request.mutable_items()->rbegin()->set_quantity(quantity);
  }
  v1::CreateOrderResponse response;
  const absl::Status status = service_.CreateOrder(call_, ByLab(request), response);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(RefusedFields(status),
              ElementsAre("user_id", "items[0].quantity", "items[1].product_id",
                          "items[1].quantity", "items[2].product_id", "idempotency_key"));
}

TEST_F(OrderServiceCreationTest, ChecksItemsAndQuantitiesAtTheLimitsOfTheContract) {
  const auto refused = [this](int items, std::int32_t quantity) {
    v1::CreateOrderRequest request = ValidRequest();
    request.clear_items();
    for (int i = 1; i <= items; ++i) {
      request.add_items()->set_product_id(i);
      request.mutable_items()->rbegin()->set_quantity(quantity);
    }
    v1::CreateOrderResponse response;
    return RefusedFields(service_.CreateOrder(call_, ByLab(request), response));
  };
  EXPECT_THAT(refused(v1::kMinItems, v1::kMinQuantity), IsEmpty());
  EXPECT_THAT(refused(v1::kMaxItems, v1::kMaxQuantity), IsEmpty());
  EXPECT_THAT(refused(v1::kMaxItems + 1, 1), ElementsAre("items"));
  EXPECT_THAT(refused(1, v1::kMinQuantity - 1), ElementsAre("items[0].quantity"));
  EXPECT_THAT(refused(1, v1::kMaxQuantity + 1), ElementsAre("items[0].quantity"));
}

TEST_F(OrderServiceCreationTest, NamesAnInvalidProductOnceHoweverOftenItIsOrdered) {
  v1::CreateOrderRequest request = ValidRequest();
  for (int i = 0; i < 2; ++i) request.add_items()->set_quantity(1);
  v1::CreateOrderResponse response;
  EXPECT_THAT(RefusedFields(service_.CreateOrder(call_, ByLab(request), response)),
              ElementsAre("items[1].product_id", "items[2].product_id"));
}

TEST_F(OrderServiceCreationTest, RefusesNoItemsAndTooMany) {
  v1::CreateOrderRequest request = ValidRequest();
  request.clear_items();
  v1::CreateOrderResponse response;
  EXPECT_THAT(RefusedFields(service_.CreateOrder(call_, ByLab(request), response)),
              ElementsAre("items"));
  for (int i = 1; i <= 51; ++i) {
    request.add_items()->set_product_id(i);
    request.mutable_items()->rbegin()->set_quantity(1);
  }
  EXPECT_THAT(RefusedFields(service_.CreateOrder(call_, ByLab(request), response)),
              ElementsAre("items"));
  // Items beyond the limit are not checked, so that a long request has no longer answer.
  for (auto& item : *request.mutable_items()) item.set_quantity(0);
  EXPECT_EQ(RefusedFields(service_.CreateOrder(call_, ByLab(request), response)).size(), 1u + 50u);
}

TEST_F(OrderServiceCreationTest, ReturnsTheRepositorysErrors) {
  orders_.failure = absl::UnavailableError("away");
  v1::CreateOrderResponse response;
  EXPECT_EQ(service_.CreateOrder(call_, ByLab(ValidRequest()), response), orders_.failure);
  EXPECT_FALSE(response.has_order());
}

TEST_F(OrderServiceCreationTest, ACustomerOrdersForItselfOnly) {
  v1::CreateOrderResponse response;
  EXPECT_EQ(service_.CreateOrder(call_, By(Customer(8), ValidRequest()), response),
            absl::NotFoundError("there is no user 7"));
  EXPECT_TRUE(orders_.orders.empty());
  EXPECT_TRUE(service_.CreateOrder(call_, By(Customer(7), ValidRequest()), response).ok());
}

}  // namespace
}  // namespace scaleout::order
