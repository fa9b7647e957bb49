// Batch reads of users, products and orders at their worst: the largest answers that the contracts
// allow.
#include <atomic>

#include "proto/scaleout/order/v1/order_limits.h"
#include "proto/scaleout/order/v1/product_limits.h"
#include "proto/scaleout/type/v1/money_limits.h"
#include "proto/scaleout/user/v1/user_limits.h"
#include "scaleout/order/v1/order.grpc.pb.h"
#include "scaleout/order/v1/product.grpc.pb.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "services/order/order_rpc.h"
#include "services/order/order_service.h"
#include "services/order/product_service.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"
#include "tests/integration/batch_answers_fixture.h"
#include "tests/services/order/fake_reservations.h"
#include "tests/support/fake_idempotent_writes.h"
#include "tests/support/fake_revocations.h"

namespace scaleout {
namespace {

using rpc::v1::kMaxBatchAnswerBytes;
using rpc::v1::kMaxBatchKeys;
using rpc::v1::kMaxId;
using testing::kTime;
using testing::Longest;

// Orders of `lines` lines, each as large as the limits allow.
class LargestOrders final : public order::OrderRepository {
 public:
  absl::StatusOr<std::vector<order::Order>> List(const CallContext&,
                                                 std::optional<order::UserId> user_id,
                                                 std::optional<order::OrderId>,
                                                 int limit) override {
    order::Order order;
    order.user_id = *user_id;
    order.total = {type::v1::kMaxAmountMinor, "EUR"};
    order.created_at = order.updated_at = kTime;
    const std::string name = Longest(order::v1::kMaxProductNameCharacters);
    for (int i = 0; i < lines; ++i) {
      order.items.push_back({order::ProductId(kMaxId - i),
                             name,
                             order::v1::kMaxQuantity,
                             {order::v1::kMaxPriceMinor, "EUR"}});
    }
    std::vector<order::Order> orders(static_cast<std::size_t>(limit), order);
    for (int i = 0; i < limit; ++i)
      orders[static_cast<std::size_t>(i)].id = order::OrderId(kMaxId - i);
    return orders;
  }
  absl::StatusOr<order::OrdersOfUsers> ListOfUsers(const CallContext& call,
                                                   const std::vector<order::UserId>& user_ids,
                                                   int limit, int) override {
    order::OrdersOfUsers all{{}, user_ids.size()};
    for (const order::UserId user_id : user_ids) {
      std::vector<order::Order> orders = List(call, user_id, std::nullopt, limit).value();
      std::ranges::move(orders, std::back_inserter(all.orders));
    }
    return all;
  }
  absl::StatusOr<std::vector<std::optional<order::Order>>> FindMany(
      const CallContext& call, const std::vector<OwnedId<order::OrderId>>& keys) override {
    std::vector<std::optional<order::Order>> found;
    for (const auto& key : keys) {
      found.push_back(List(call, order::UserId(kMaxId), std::nullopt, 1).value()[0]);
      found.back()->id = key.id;
    }
    return found;
  }
  absl::StatusOr<order::Order> Create(PostgresSession&, const order::NewOrder&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<order::Order> Get(const CallContext&, order::OrderId, Owner) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<order::Order> CallOff(const CallContext&, order::OrderId, Owner) override {
    return absl::UnimplementedError("");
  }

  std::atomic<int> lines = static_cast<int>(order::v1::kMaxItems);  // read by a worker
};

class LargestProducts final : public order::ProductRepository {
 public:
  absl::StatusOr<std::vector<order::Product>> FindMany(
      const CallContext&, const std::vector<order::ProductId>& ids) override {
    std::vector<order::Product> products;
    for (const order::ProductId id : ids) {
      products.push_back({id,
                          Longest(order::v1::kMaxProductNameCharacters),
                          {order::v1::kMaxPriceMinor, "EUR"},
                          kTime});
    }
    return products;
  }
  absl::StatusOr<order::Product> Get(const CallContext&, order::ProductId) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<order::Product>> List(const CallContext&,
                                                   std::optional<order::ProductId>, int) override {
    return absl::UnimplementedError("");
  }
};

class LargestUsers final : public user::UserRepository {
 public:
  absl::StatusOr<std::vector<user::UserRecord>> FindMany(
      const CallContext&, const std::vector<user::UserId>& ids) override {
    std::vector<user::UserRecord> users;
    for (const user::UserId id : ids) {
      users.push_back({id, Longest(user::v1::kMaxEmailCharacters),
                       Longest(user::v1::kMaxNameCharacters), Role::kCustomer, kTime, kTime});
    }
    return users;
  }
  absl::StatusOr<user::UserRecord> Create(PostgresSession&, const user::NewUser&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<user::UserRecord> Get(const CallContext&, user::UserId) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<user::UserRecord>> List(const CallContext&,
                                                     std::optional<user::UserId>, int) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<user::ChangedUser> Update(const CallContext&, user::UserId,
                                           const user::UserChange&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<user::SessionId>> Delete(const CallContext&, user::UserId) override {
    return absl::UnimplementedError("");
  }
};

class BatchAnswersTest : public testing::BatchAnswersFixture {
 protected:
  BatchAnswersTest() { Serve({order_rpc_.get(), product_rpc_.get(), user_rpc_.get()}); }

  LargestOrders orders_;
  LargestProducts products_;
  LargestUsers users_;
  order::FakeReservations reservations_;
  testing::FakeIdempotentWrites writes_;
  testing::FakeRevocations revocations_;
  order::OrderService order_service_{orders_, reservations_, writes_};
  order::ProductService product_service_{products_};
  user::UserService user_service_{users_, writes_, revocations_};
  const std::unique_ptr<grpc::Service> order_rpc_ = order::MakeOrderRpc(order_service_, calls());
  const std::unique_ptr<grpc::Service> product_rpc_ =
      order::MakeProductRpc(product_service_, calls());
  const std::unique_ptr<grpc::Service> user_rpc_ = user::MakeUserRpc(user_service_, calls());
};

TEST_F(BatchAnswersTest, OrdersThatDoNotFitAreErrorsAndTheListOfOneUserCarriesThem) {
  const auto stub = order::v1::OrderService::NewStub(Channel());
  auto request = LargestBatch<order::v1::BatchListOrdersRequest>(
      &order::v1::BatchListOrdersRequest::Key::set_user_id);
  request.set_page_size(rpc::v1::kMaxPageSize);
  const auto response = Ask(*stub, &order::v1::OrderService::Stub::BatchListOrders, request);
  EXPECT_EQ(response.entries_size(), static_cast<int>(kMaxBatchKeys));
  EXPECT_EQ(CountTooLarge(response), response.entries_size());
  EXPECT_LE(response.ByteSizeLong(), kMaxBatchAnswerBytes);
  order::v1::ListOrdersRequest one;
  one.set_user_id(request.keys(0).user_id());
  one.set_page_size(rpc::v1::kMaxPageSize);
  const auto listed = Ask(*stub, &order::v1::OrderService::Stub::ListOrders, one);
  EXPECT_EQ(listed.orders_size(), rpc::v1::kMaxPageSize);
  EXPECT_NE(listed.next_page_token(), "");
}

TEST_F(BatchAnswersTest, AsManyListsOfOrdersAsFitAreAnswered) {
  orders_.lines = 1;
  const auto stub = order::v1::OrderService::NewStub(Channel());
  auto request = LargestBatch<order::v1::BatchListOrdersRequest>(
      &order::v1::BatchListOrdersRequest::Key::set_user_id);
  request.set_page_size(rpc::v1::kMaxPageSize);
  const auto response = Ask(*stub, &order::v1::OrderService::Stub::BatchListOrders, request);
  ASSERT_EQ(response.entries_size(), static_cast<int>(kMaxBatchKeys));
  const int too_large = CountTooLarge(response);
  const int lists = response.entries_size() - too_large;
  ASSERT_GT(lists, 0);
  ASSERT_GT(too_large, 0);
  for (int i = 0; i < lists; ++i) {
    EXPECT_EQ(response.entries(i).order_list().orders_size(), rpc::v1::kMaxPageSize);
    EXPECT_EQ(response.entries(i).order_list().orders(0).user_id(), request.keys(i).user_id());
  }
  EXPECT_LE(response.ByteSizeLong(), kMaxBatchAnswerBytes);
  // One more would not have fitted.
  EXPECT_GT(response.ByteSizeLong() + response.entries(0).ByteSizeLong() + (16u << 10),
            kMaxBatchAnswerBytes);
}

TEST_F(BatchAnswersTest, TheLargestOrdersAllFit) {
  const auto stub = order::v1::OrderService::NewStub(Channel());
  const auto request = LargestBatch<order::v1::BatchGetOrdersRequest>(
      &order::v1::BatchGetOrdersRequest::Key::set_order_id);
  const auto response = Ask(*stub, &order::v1::OrderService::Stub::BatchGetOrders, request);
  ExpectThatAllFit(response);
}

TEST_F(BatchAnswersTest, TheLargestProductsAllFit) {
  const auto stub = order::v1::ProductService::NewStub(Channel());
  const auto request = LargestBatch<order::v1::BatchGetProductsRequest>(
      &order::v1::BatchGetProductsRequest::Key::set_product_id);
  const auto response = Ask(*stub, &order::v1::ProductService::Stub::BatchGetProducts, request);
  ExpectThatAllFit(response);
}

TEST_F(BatchAnswersTest, TheLargestUsersAllFit) {
  const auto stub = user::v1::UserService::NewStub(Channel());
  const auto request = LargestBatch<user::v1::BatchGetUsersRequest>(
      &user::v1::BatchGetUsersRequest::Key::set_user_id);
  const auto response = Ask(*stub, &user::v1::UserService::Stub::BatchGetUsers, request);
  ExpectThatAllFit(response);
}

}  // namespace
}  // namespace scaleout
