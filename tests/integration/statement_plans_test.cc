// Which access paths the services' reads take, on tables where reading all of one would show.
#include <string>

#include "services/order/order_events.h"
#include "services/order/order_repository.h"
#include "services/order/product_repository.h"
#include "services/order/schema.h"
#include "services/payment/payment_repository.h"
#include "services/payment/schema.h"
#include "services/user/schema.h"
#include "services/user/session_repository.h"
#include "services/user/user_events.h"
#include "services/user/user_repository.h"
#include "tests/integration/plans_fixture.h"

namespace scaleout {
namespace {

using testing::CallFor;

using StatementPlansTest = testing::PlansFixture;

TEST_F(StatementPlansTest, ReadsOfUsersUseTheIndex) {
  Seed(user::Schema());
  const std::int64_t fetched = ExpectIndexScans(user::Schema(), "'users'", [](PostgresPool& pool) {
    Outbox outbox(pool, user::PublishedStreams());
    const auto users = user::MakeUserRepository(pool, outbox);
    EXPECT_TRUE(users->Get(CallFor(), user::UserId(500)).ok());
    EXPECT_EQ(users->FindMany(CallFor(), {user::UserId(1), user::UserId(2)})->size(), 2u);
    EXPECT_EQ(users->List(CallFor(), user::UserId(500), 3)->size(), 3u);
  });
  EXPECT_EQ(fetched, 1 + 2 + 3);
}

TEST_F(StatementPlansTest, SessionsAreFoundByTheirIndexes) {
  // One user has them all; but for one they ended long ago.
  const std::string live = "00000000000000000000000000000001";
  Seed(user::Schema(),
       {"INSERT INTO sessions (id, user_id, refresh_hash, expires_at, revoked_at, published)"
        " SELECT gen_random_uuid(), 1, decode(repeat('00', 32), 'hex'), now() + interval '1 day',"
        " now() - interval '2 hours', true FROM generate_series(1, 5000)",
        "INSERT INTO sessions (id, user_id, refresh_hash, expires_at) VALUES ('" + live +
            "', 1, decode(repeat('00', 32), 'hex'), now() + interval '1 day')"});
  const user::SessionId id = *user::SessionId::Parse(live);
  const std::int64_t fetched =
      ExpectIndexScans(user::Schema(), "'sessions'", [&](PostgresPool& pool) {
        const auto sessions = user::MakeSessionRepository(pool);
        EXPECT_EQ(sessions->FindLive(CallFor(), {id, user::SessionId::Random()})->size(), 1u);
        EXPECT_EQ(sessions->ListRevoked(CallFor(), std::nullopt, 10)->size(), 0u);
        EXPECT_EQ(*sessions->Purge(CallFor(), 10), 0);
        EXPECT_EQ(sessions->End(CallFor(), user::UserId(1), id)->size(), 1u);
      });
  EXPECT_LE(fetched, 4);
}

TEST_F(StatementPlansTest, ReadsOfProductsUseTheIndex) {
  Seed(order::Schema(), {"INSERT INTO products (name, price_minor, currency) SELECT 'p', 1, 'EUR'"
                         " FROM generate_series(1, 5000)"});
  const std::int64_t fetched =
      ExpectIndexScans(order::Schema(), "'products'", [](PostgresPool& pool) {
        const auto products = order::MakeProductRepository(pool);
        EXPECT_TRUE(products->Get(CallFor(), order::ProductId(7)).ok());
        EXPECT_EQ(products->FindMany(CallFor(), {order::ProductId(1), order::ProductId(2)})->size(),
                  2u);
        EXPECT_EQ(products->List(CallFor(), order::ProductId(9), 3)->size(), 3u);
      });
  EXPECT_EQ(fetched, 1 + 2 + 3);
}

TEST_F(StatementPlansTest, ReadsOfOrdersFetchNoMoreThanTheyAnswer) {
  // User 1 has many orders, of which a page needs few; each of them has one line.
  Seed(order::Schema(),
       {"INSERT INTO orders (id, user_id, state, total_minor, currency)"
        " SELECT i, 1, 'PAID', 1, 'EUR' FROM generate_series(10001, 13000) AS i",
        "INSERT INTO order_items (order_id, line, product_id, product_name, quantity,"
        " unit_price_minor) SELECT i, 1, 1, 'Lamp', 1, 1 FROM generate_series(10001, 13000) AS i"});
  const std::int64_t fetched =
      ExpectIndexScans(order::Schema(), "'orders', 'order_items'", [](PostgresPool& pool) {
        Outbox outbox(pool, order::PublishedStreams());
        const auto orders = order::MakeOrderRepository(pool, outbox);
        using order::OrderId;
        using order::UserId;
        EXPECT_TRUE(orders->Get(CallFor(), OrderId(10001), Owner::User(1)).ok());
        const auto found = orders->FindMany(CallFor(), {{OrderId(10001), Owner::User(1)},
                                                        {OrderId(10002), Owner::Anyone()},
                                                        {OrderId(10003), Owner::User(2)}});
        EXPECT_TRUE((*found)[0] && (*found)[1] && !(*found)[2]);
        EXPECT_EQ(orders->List(CallFor(), std::nullopt, OrderId(12000), 3)->size(), 3u);
        EXPECT_EQ(orders->List(CallFor(), UserId(1), std::nullopt, 3)->size(), 3u);
        EXPECT_EQ(orders->ListOfUsers(CallFor(), {UserId(4711), UserId(1)}, 3, 9)->orders.size(),
                  3u);
      });
  // Of another's order its row, and no line.
  EXPECT_EQ(fetched, 2 * (1 + 2 + 3 + 3 + 3) + 1);
}

TEST_F(StatementPlansTest, ReadsOfPaymentsFetchNoMoreThanTheyAnswer) {
  Seed(payment::Schema(),
       {"INSERT INTO payments (id, order_id, user_id, state, amount_minor, currency)"
        " SELECT i, 5001, 1, 'CAPTURED', 1, 'EUR' FROM generate_series(10001, 13000) AS i"});
  const std::int64_t fetched =
      ExpectIndexScans(payment::Schema(), "'payments'", [](PostgresPool& pool) {
        const auto payments = payment::MakePaymentRepository(pool);
        using payment::OrderId;
        using payment::PaymentId;
        using payment::UserId;
        const auto list = [&](const payment::PaymentFilter& filter) {
          EXPECT_EQ(payments->List(CallFor(), filter, std::nullopt, 3)->size(), 3u);
        };
        EXPECT_TRUE(payments->Get(CallFor(), PaymentId(10001), Owner::User(1)).ok());
        const auto found = payments->FindMany(CallFor(), {{PaymentId(10001), Owner::User(1)},
                                                          {PaymentId(10002), Owner::Anyone()},
                                                          {PaymentId(10003), Owner::User(2)}});
        EXPECT_TRUE((*found)[0] && (*found)[1] && !(*found)[2]);
        list({});
        list({UserId(1), std::nullopt});
        list({std::nullopt, OrderId(5001)});
        list({UserId(1), OrderId(5001)});
        EXPECT_EQ(payments->ListOfUsers(CallFor(), {UserId(4711), UserId(1)}, 3)->size(), 3u);
      });
  EXPECT_EQ(fetched, 1 + 2 + 1 + 3 + 3 + 3 + 3 + 3);
}

}  // namespace
}  // namespace scaleout
