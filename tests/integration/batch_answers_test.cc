// Batch reads at their worst, through gRPC as clients have it: the largest answers that the
// contracts allow, with the message limit that gRPC's clients have by default.
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/grpc_status.h"
#include "proto/scaleout/order/v1/order_limits.h"
#include "proto/scaleout/order/v1/product_limits.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "proto/scaleout/type/v1/money_limits.h"
#include "proto/scaleout/user/v1/user_limits.h"
#include "scaleout/order/v1/order.grpc.pb.h"
#include "scaleout/order/v1/product.grpc.pb.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "service/service_calls.h"
#include "services/order/order_rpc.h"
#include "services/order/order_service.h"
#include "services/order/product_service.h"
#include "services/payment/payment_rpc.h"
#include "services/payment/payment_service.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"
#include "tests/services/payment/fake_charges.h"
#include "tests/services/payment/fake_provider.h"
#include "tests/support/fake_idempotent_writes.h"
#include "tests/support/fake_revocations.h"
#include "tests/support/principals.h"
#include "tests/support/rpc_server.h"
#include "tests/support/socket_path.h"

namespace scaleout {
namespace {

using rpc::v1::kMaxBatchAnswerBytes;
using rpc::v1::kMaxBatchKeys;
using rpc::v1::kMaxId;

// The longest text of `characters` characters.
std::string Longest(std::size_t characters) {
  std::string text;
  for (std::size_t i = 0; i < characters; ++i) text += "\U0001F4E6";
  return text;
}

// With as many digits as a time of this century has.
const WallTime kTime{std::chrono::microseconds(1'999'999'999'999'999)};

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
  absl::StatusOr<order::Order> Apply(const CallContext&, order::OrderId, Owner,
                                     order::OrderEvent) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<order::ChargeEffect> ApplyCharge(PostgresSession&, const order::Charge&) override {
    return absl::UnimplementedError("");
  }

  std::atomic<int> lines = static_cast<int>(order::v1::kMaxItems);  // read by a worker
};

// Payments with a reference of 1,000 bytes; the contract does not limit what a provider calls a
// charge.
class LargestPayments final : public payment::PaymentRepository {
 public:
  absl::StatusOr<std::vector<payment::Payment>> List(const CallContext&,
                                                     const payment::PaymentFilter& filter,
                                                     std::optional<payment::PaymentId>,
                                                     int limit) override {
    payment::Payment payment;
    payment.id = payment::PaymentId(kMaxId);
    payment.user_id = *filter.user_id;
    payment.order_id = payment::OrderId(kMaxId);
    payment.amount = {type::v1::kMaxAmountMinor, "EUR"};
    payment.provider_reference = std::string(1000, 'r');
    payment.created_at = payment.updated_at = kTime;
    return std::vector<payment::Payment>(static_cast<std::size_t>(limit), payment);
  }
  absl::StatusOr<std::vector<payment::Payment>> ListOfUsers(
      const CallContext& call, const std::vector<payment::UserId>& user_ids, int limit) override {
    std::vector<payment::Payment> all;
    for (const payment::UserId user_id : user_ids) {
      const auto payments = List(call, {user_id, std::nullopt}, std::nullopt, limit);
      all.insert(all.end(), payments->begin(), payments->end());
    }
    return all;
  }
  absl::StatusOr<std::vector<std::optional<payment::Payment>>> FindMany(
      const CallContext& call, const std::vector<OwnedId<payment::PaymentId>>& keys) override {
    std::vector<std::optional<payment::Payment>> found;
    for (const auto& key : keys) {
      found.push_back(
          List(call, {payment::UserId(kMaxId), std::nullopt}, std::nullopt, 1).value()[0]);
      found.back()->id = key.id;
      found.back()->provider_reference = std::string(reference_bytes, 'r');
    }
    return found;
  }
  absl::StatusOr<payment::Payment> Get(const CallContext&, payment::PaymentId, Owner) override {
    return absl::UnimplementedError("");
  }

  std::atomic<std::size_t> reference_bytes = 1000;  // read by a worker
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

class BatchAnswersTest : public ::testing::Test {
 protected:
  // The workers end before what they use is destroyed, as in ServiceHost.
  ~BatchAnswersTest() override {
    server_.server().Shutdown(std::chrono::system_clock::now());
    workers_.Stop();
  }

  std::shared_ptr<grpc::Channel> Channel() const {
    return grpc::CreateChannel(socket_.target(), grpc::InsecureChannelCredentials());
  }

  // The most keys, each with the most digits. As everything here, the lab asks for them.
  template <typename Request, typename SetId>
  static Request LargestBatch(SetId set_id) {
    Request request;
    for (std::size_t i = 0; i < kMaxBatchKeys; ++i) {
      (request.add_keys()->*set_id)(kMaxId - static_cast<std::int64_t>(i));
    }
    return request;
  }

  template <typename Stub, typename Request, typename Response>
  static Response Ask(Stub& stub,
                      grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, Response*),
                      const Request& request) {
    Response response;
    grpc::ClientContext context;
    const grpc::Status status = (stub.*rpc)(&context, testing::ByLab(request), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  template <typename Response>
  static int CountTooLarge(const Response& response) {
    return static_cast<int>(std::ranges::count_if(response.entries(), [](const auto& entry) {
      return entry.has_error() && entry.error().reason() == rpc::v1::kEntryTooLarge &&
             entry.error().code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
    }));
  }

  template <typename Response>
  static void ExpectThatAllFit(const Response& response) {
    EXPECT_EQ(response.entries_size(), static_cast<int>(kMaxBatchKeys));
    for (const auto& entry : response.entries()) EXPECT_FALSE(entry.has_error());
    EXPECT_LE(response.ByteSizeLong(), kMaxBatchAnswerBytes);
  }

  const testing::SocketPath socket_;
  const std::unique_ptr<Logger> logger_ = MakeNullLogger();
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  WorkerPool workers_{1, 1};
  ServiceCalls calls_{workers_, *logger_, *metrics_, SystemClock()};
  LargestOrders orders_;
  LargestPayments payments_;
  payment::FakeCharges charges_;
  payment::FakeProvider provider_;
  payment::TokenBulkhead bulkhead_{1};
  LargestProducts products_;
  LargestUsers users_;
  testing::FakeIdempotentWrites writes_;
  order::OrderService order_service_{orders_, writes_};
  order::ProductService product_service_{products_};
  payment::PaymentService payment_service_{payments_, charges_, provider_, bulkhead_,
                                           SystemClock()};
  testing::FakeRevocations revocations_;
  user::UserService user_service_{users_, writes_, revocations_};
  const std::unique_ptr<grpc::Service> order_rpc_ = order::MakeOrderRpc(order_service_, calls_);
  const std::unique_ptr<grpc::Service> product_rpc_ =
      order::MakeProductRpc(product_service_, calls_);
  const std::unique_ptr<grpc::Service> payment_rpc_ =
      payment::MakePaymentRpc(payment_service_, calls_, calls_);
  const std::unique_ptr<grpc::Service> user_rpc_ = user::MakeUserRpc(user_service_, calls_);
  testing::RpcServer server_{
      socket_.target(),
      {order_rpc_.get(), product_rpc_.get(), payment_rpc_.get(), user_rpc_.get()}};
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

TEST_F(BatchAnswersTest, PaymentsThatDoNotFitAreErrorsAndTheListOfOneUserCarriesThem) {
  const auto stub = payment::v1::PaymentService::NewStub(Channel());
  auto request = LargestBatch<payment::v1::BatchListPaymentsRequest>(
      &payment::v1::BatchListPaymentsRequest::Key::set_user_id);
  request.set_page_size(rpc::v1::kMaxPageSize);
  const auto response = Ask(*stub, &payment::v1::PaymentService::Stub::BatchListPayments, request);
  ASSERT_EQ(response.entries_size(), static_cast<int>(kMaxBatchKeys));
  const int too_large = CountTooLarge(response);
  EXPECT_GT(too_large, 0);
  EXPECT_LT(too_large, response.entries_size());
  EXPECT_LE(response.ByteSizeLong(), kMaxBatchAnswerBytes);
  payment::v1::ListPaymentsRequest one;
  one.set_user_id(request.keys(response.entries_size() - 1).user_id());
  one.set_page_size(rpc::v1::kMaxPageSize);
  const auto listed = Ask(*stub, &payment::v1::PaymentService::Stub::ListPayments, one);
  EXPECT_EQ(listed.payments_size(), rpc::v1::kMaxPageSize);
}

TEST_F(BatchAnswersTest, PaymentsOfABatchThatDoNotFitAreErrors) {
  payments_.reference_bytes = 100'000;
  const auto stub = payment::v1::PaymentService::NewStub(Channel());
  const auto request = LargestBatch<payment::v1::BatchGetPaymentsRequest>(
      &payment::v1::BatchGetPaymentsRequest::Key::set_payment_id);
  const auto response = Ask(*stub, &payment::v1::PaymentService::Stub::BatchGetPayments, request);
  ASSERT_EQ(response.entries_size(), static_cast<int>(kMaxBatchKeys));
  EXPECT_GT(CountTooLarge(response), 0);
  EXPECT_LT(CountTooLarge(response), response.entries_size());
  EXPECT_LE(response.ByteSizeLong(), kMaxBatchAnswerBytes);
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
