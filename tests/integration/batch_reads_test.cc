// Batch reads against the RPCs for one key, over a real PostgreSQL: every entry has the bytes of
// the answer that its key gets alone, whatever the keys, their order, their repetitions and the
// principals who ask for them.
#include <memory>
#include <random>
#include <string>

#include "services/order/order_events.h"
#include "services/order/order_service.h"
#include "services/order/product_service.h"
#include "services/order/schema.h"
#include "services/payment/payment_service.h"
#include "services/payment/schema.h"
#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "services/user/user_service.h"
#include "tests/integration/pool_fixture.h"
#include "tests/services/payment/fake_charges.h"
#include "tests/services/payment/fake_provider.h"
#include "tests/support/fake_revocations.h"
#include "tests/support/principals.h"

namespace scaleout {
namespace {

using testing::CallFor;

constexpr int kRounds = 40;

class BatchReadsTest : public testing::PoolFixture {
 protected:
  // 1 to 64 ids of 1 to `max_id`, in any order, some of them repeatedly; of users, admins, the lab,
  // and now and then of no principal.
  template <typename Request, typename SetId>
  Request RandomBatch(std::int64_t max_id, SetId set_id) {
    Request request;
    const int size = std::uniform_int_distribution(1, 64)(random_);
    std::uniform_int_distribution<std::int64_t> ids(1, max_id);
    for (int i = 0; i < size; ++i) {
      auto& key = *request.add_keys();
      (key.*set_id)(ids(random_));
      if constexpr (requires { key.mutable_principal(); }) {
        ToProto(RandomPrincipal(), *key.mutable_principal());
      }
    }
    return request;
  }

  // Few, so that keys of one principal repeat, and some are of its own things.
  Principal RandomPrincipal() {
    switch (std::uniform_int_distribution(0, 7)(random_)) {
      case 0:
        return {};
      case 1:
        return testing::Admin(1);
      case 2:
      case 3:
        return kLabPrincipal;
      default:
        return testing::Customer(std::uniform_int_distribution(1, 5)(random_));
    }
  }

  const CallContext call_ = CallFor();
  std::mt19937 random_{20261121};
};

// A page with its token, or an entry's value, as bytes; an error as its code and its sentence.
template <typename Repeated>
std::string Bytes(const Repeated& messages, const std::string& token) {
  std::string bytes = token;
  for (const auto& message : messages) bytes += "|" + message.SerializeAsString();
  return bytes;
}
std::string Bytes(const absl::Status& status) {
  return "error " + std::to_string(static_cast<int>(status.code())) + " " +
         std::string(status.message());
}
std::string Bytes(const rpc::v1::KeyError& error) {
  return "error " + std::to_string(error.code()) + " " + error.message();
}

TEST_F(BatchReadsTest, EntriesOfUsersAreWhatGetUserAnswers) {
  const auto pool = MakePool(user::Schema());
  // Every third id is absent; the times have odd microseconds.
  Ask("INSERT INTO users (id, email, name, created_at) SELECT i, 'user' || i || '@example.com',"
      " 'Name ' || i, timestamptz '1970-01-01' + i * interval '600000.000001 s'"
      " FROM generate_series(1, 60) AS i WHERE i % 3 <> 0");
  Outbox outbox(*pool, user::PublishedStreams());
  const auto users = user::MakeUserRepository(*pool, outbox);
  testing::FakeRevocations revocations;
  const auto writes = MakeIdempotentWrites(outbox);
  user::UserService service(*users, *writes, revocations);
  for (int round = 0; round < kRounds; ++round) {
    const auto request = RandomBatch<user::v1::BatchGetUsersRequest>(
        60, &user::v1::BatchGetUsersRequest::Key::set_user_id);
    user::v1::BatchGetUsersResponse batch;
    ASSERT_TRUE(service.BatchGetUsers(call_, request, batch).ok());
    ASSERT_EQ(batch.entries_size(), request.keys_size());
    for (int i = 0; i < request.keys_size(); ++i) {
      user::v1::GetUserRequest one;
      one.set_user_id(request.keys(i).user_id());
      *one.mutable_principal() = request.keys(i).principal();
      user::v1::GetUserResponse read;
      const absl::Status status = service.GetUser(call_, one, read);
      const auto& entry = batch.entries(i);
      EXPECT_EQ(entry.has_error() ? Bytes(entry.error()) : entry.user().SerializeAsString(),
                status.ok() ? read.user().SerializeAsString() : Bytes(status));
    }
  }
}

class OrderBatchReadsTest : public BatchReadsTest {
 protected:
  // Users 1 to 20 of 30 have 1 to 9 orders of 1 to 4 lines; orders of a user are not neighbours.
  OrderBatchReadsTest() {
    Ask("INSERT INTO products (id, name, price_minor, currency) SELECT i, 'Product ' || i, 100 * i,"
        " 'EUR' FROM generate_series(1, 10) AS i");
    Ask("INSERT INTO orders (id, user_id, state, total_minor, currency, updated_at)"
        " SELECT i, 1 + (i * i * 7) % 20, CASE i % 2 WHEN 0 THEN 'PAID' ELSE 'PENDING' END, i,"
        " 'EUR', timestamptz '2026-01-01' + i * interval '1 microsecond'"
        " FROM generate_series(1, 120) AS i WHERE i % 7 <> 0");
    Ask("INSERT INTO order_items (order_id, line, product_id, product_name, quantity,"
        " unit_price_minor) SELECT o.id, l, (o.id + l) % 10 + 1, 'Line ' || l, l, 100 * l"
        " FROM orders AS o, generate_series(1, 4) AS l WHERE l <= 1 + o.id % 4");
  }

  const std::unique_ptr<PostgresPool> pool_ = MakePool(order::Schema());
  Outbox outbox_{*pool_, order::PublishedStreams()};
  const std::unique_ptr<order::OrderRepository> orders_ =
      order::MakeOrderRepository(*pool_, outbox_);
  const std::unique_ptr<order::ProductRepository> products_ = order::MakeProductRepository(*pool_);
  const std::unique_ptr<IdempotentWrites> writes_ = MakeIdempotentWrites(outbox_);
  const std::unique_ptr<order::ReservationRepository> reservations_ =
      order::MakeReservationRepository(*pool_, outbox_);
  order::OrderService service_{*orders_, *reservations_, *writes_};
  order::ProductService product_service_{*products_};
};

TEST_F(OrderBatchReadsTest, EntriesOfOrderListsAreWhatListOrdersAnswers) {
  int tokens = 0;
  for (int round = 0; round < kRounds; ++round) {
    auto request = RandomBatch<order::v1::BatchListOrdersRequest>(
        30, &order::v1::BatchListOrdersRequest::Key::set_user_id);
    request.set_page_size(round % 9);
    order::v1::BatchListOrdersResponse batch;
    ASSERT_TRUE(service_.BatchListOrders(call_, request, batch).ok());
    ASSERT_EQ(batch.entries_size(), request.keys_size());
    for (int i = 0; i < request.keys_size(); ++i) {
      order::v1::ListOrdersRequest one;
      one.set_user_id(request.keys(i).user_id());
      *one.mutable_principal() = request.keys(i).principal();
      one.set_page_size(request.page_size());
      order::v1::ListOrdersResponse listed;
      const absl::Status status = service_.ListOrders(call_, one, listed);
      const auto& entry = batch.entries(i);
      const auto& list = entry.order_list();
      EXPECT_EQ(
          entry.has_error() ? Bytes(entry.error()) : Bytes(list.orders(), list.next_page_token()),
          status.ok() ? Bytes(listed.orders(), listed.next_page_token()) : Bytes(status));
      EXPECT_EQ(entry.has_order_list(), status.ok());
      tokens += listed.next_page_token().empty() ? 0 : 1;
    }
  }
  EXPECT_GT(tokens, 0);
}

TEST_F(OrderBatchReadsTest, EntriesOfOrdersAreWhatGetOrderAnswers) {
  for (int round = 0; round < kRounds; ++round) {
    const auto request = RandomBatch<order::v1::BatchGetOrdersRequest>(
        130, &order::v1::BatchGetOrdersRequest::Key::set_order_id);
    order::v1::BatchGetOrdersResponse batch;
    ASSERT_TRUE(service_.BatchGetOrders(call_, request, batch).ok());
    ASSERT_EQ(batch.entries_size(), request.keys_size());
    for (int i = 0; i < request.keys_size(); ++i) {
      order::v1::GetOrderRequest one;
      one.set_order_id(request.keys(i).order_id());
      *one.mutable_principal() = request.keys(i).principal();
      order::v1::GetOrderResponse read;
      const absl::Status status = service_.GetOrder(call_, one, read);
      const auto& entry = batch.entries(i);
      EXPECT_EQ(entry.has_error() ? Bytes(entry.error()) : entry.order().SerializeAsString(),
                status.ok() ? read.order().SerializeAsString() : Bytes(status));
    }
  }
}

TEST_F(OrderBatchReadsTest, EntriesOfProductsAreWhatGetProductAnswers) {
  for (int round = 0; round < kRounds; ++round) {
    const auto request = RandomBatch<order::v1::BatchGetProductsRequest>(
        12, &order::v1::BatchGetProductsRequest::Key::set_product_id);
    order::v1::BatchGetProductsResponse batch;
    ASSERT_TRUE(product_service_.BatchGetProducts(call_, request, batch).ok());
    ASSERT_EQ(batch.entries_size(), request.keys_size());
    for (int i = 0; i < request.keys_size(); ++i) {
      order::v1::GetProductRequest one;
      one.set_product_id(request.keys(i).product_id());
      order::v1::GetProductResponse read;
      const absl::Status status = product_service_.GetProduct(call_, one, read);
      const auto& entry = batch.entries(i);
      EXPECT_EQ(entry.has_error() ? Bytes(entry.error()) : entry.product().SerializeAsString(),
                status.ok() ? read.product().SerializeAsString() : Bytes(status));
    }
  }
}

class PaymentBatchReadsTest : public BatchReadsTest {
 protected:
  PaymentBatchReadsTest() {
    Ask("INSERT INTO payments (id, order_id, user_id, state, amount_minor, currency,"
        " provider_reference, failure_reason) SELECT i, i, 1 + (i * i * 7) % 20,"
        " CASE WHEN failed THEN 'FAILED' ELSE 'CAPTURED' END, i, 'EUR',"
        " CASE WHEN failed THEN NULL ELSE 'sim_' || i END,"
        " CASE WHEN failed THEN 'card_declined' END"
        " FROM generate_series(1, 120) AS i, LATERAL (SELECT i % 3 = 0 AS failed) AS f"
        " WHERE i % 7 <> 0");
  }

  const std::unique_ptr<PostgresPool> pool_ = MakePool(payment::Schema());
  const std::unique_ptr<payment::PaymentRepository> payments_ =
      payment::MakePaymentRepository(*pool_);
  // No payment is made here.
  payment::FakeCharges charges_;
  payment::FakeProvider provider_;
  payment::TokenBulkhead bulkhead_{1};
  payment::PaymentService service_{*payments_, charges_, provider_, bulkhead_, SystemClock()};
};

TEST_F(PaymentBatchReadsTest, EntriesOfPaymentListsAreWhatListPaymentsAnswers) {
  int tokens = 0;
  for (int round = 0; round < kRounds; ++round) {
    auto request = RandomBatch<payment::v1::BatchListPaymentsRequest>(
        30, &payment::v1::BatchListPaymentsRequest::Key::set_user_id);
    request.set_page_size(round % 9);
    payment::v1::BatchListPaymentsResponse batch;
    ASSERT_TRUE(service_.BatchListPayments(call_, request, batch).ok());
    ASSERT_EQ(batch.entries_size(), request.keys_size());
    for (int i = 0; i < request.keys_size(); ++i) {
      payment::v1::ListPaymentsRequest one;
      one.set_user_id(request.keys(i).user_id());
      *one.mutable_principal() = request.keys(i).principal();
      one.set_page_size(request.page_size());
      payment::v1::ListPaymentsResponse listed;
      const absl::Status status = service_.ListPayments(call_, one, listed);
      const auto& entry = batch.entries(i);
      const auto& list = entry.payment_list();
      EXPECT_EQ(
          entry.has_error() ? Bytes(entry.error()) : Bytes(list.payments(), list.next_page_token()),
          status.ok() ? Bytes(listed.payments(), listed.next_page_token()) : Bytes(status));
      EXPECT_EQ(entry.has_payment_list(), status.ok());
      tokens += listed.next_page_token().empty() ? 0 : 1;
    }
  }
  EXPECT_GT(tokens, 0);
}

TEST_F(PaymentBatchReadsTest, EntriesOfPaymentsAreWhatGetPaymentAnswers) {
  for (int round = 0; round < kRounds; ++round) {
    const auto request = RandomBatch<payment::v1::BatchGetPaymentsRequest>(
        130, &payment::v1::BatchGetPaymentsRequest::Key::set_payment_id);
    payment::v1::BatchGetPaymentsResponse batch;
    ASSERT_TRUE(service_.BatchGetPayments(call_, request, batch).ok());
    ASSERT_EQ(batch.entries_size(), request.keys_size());
    for (int i = 0; i < request.keys_size(); ++i) {
      payment::v1::GetPaymentRequest one;
      one.set_payment_id(request.keys(i).payment_id());
      *one.mutable_principal() = request.keys(i).principal();
      payment::v1::GetPaymentResponse read;
      const absl::Status status = service_.GetPayment(call_, one, read);
      const auto& entry = batch.entries(i);
      EXPECT_EQ(entry.has_error() ? Bytes(entry.error()) : entry.payment().SerializeAsString(),
                status.ok() ? read.payment().SerializeAsString() : Bytes(status));
    }
  }
}

}  // namespace
}  // namespace scaleout
