#include "services/order/order_repository.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "common/status.h"
#include "services/order/order_events.h"
#include "services/order/product_repository.h"
#include "services/order/schema.h"
#include "tests/integration/pool_fixture.h"
#include "tests/integration/transacted.h"

namespace scaleout::order {
namespace {

using scaleout::testing::CallFor;
using scaleout::testing::Transacted;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OrderRepositoryTest : public scaleout::testing::PoolFixture {
 protected:
  OrderRepositoryTest() {
    Ask("INSERT INTO products (id, name, price_minor, currency) VALUES"
        " (1, 'Lamp', 1999, 'EUR'), (2, 'Say \"hi\" \\o/', 250, 'EUR'), (3, 'Yen mug', 900, 'JPY'),"
        " (4, 'Tent', 8900, 'EUR')");
  }

  Order Create(std::int64_t user_id, std::vector<WantedItem> items = {{ProductId(1), 1}}) {
    const auto created = TryToCreate({UserId(user_id), std::move(items)});
    EXPECT_TRUE(created.ok()) << created.status();
    return created.value_or(Order());
  }

  absl::StatusOr<Order> TryToCreate(const NewOrder& order) {
    return Transacted(call_, outbox_,
                      [&](PostgresSession& session) { return orders_->Create(session, order); });
  }

  const CallContext call_ = CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  Outbox outbox_{*pool_, PublishedStreams()};
  const std::unique_ptr<OrderRepository> orders_ = MakeOrderRepository(*pool_, outbox_);
};

TEST_F(OrderRepositoryTest, TakesNamesAndPricesFromTheCatalogAtTheTimeOfTheOrder) {
  const Order made = Create(7, {{ProductId(2), 3}, {ProductId(1), 2}});
  Ask("UPDATE products SET price_minor = 1, name = 'other'");
  const auto read = orders_->Get(call_, made.id, Owner::Anyone());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->user_id, UserId(7));
  EXPECT_EQ(read->state, OrderState::kPending);
  EXPECT_EQ(read->total.amount_minor, 3 * 250 + 2 * 1999);
  EXPECT_EQ(read->total.currency, "EUR");
  ASSERT_EQ(read->items.size(), 2u);
  EXPECT_EQ(read->items[0].product_name, "Say \"hi\" \\o/");
  EXPECT_EQ(read->items[0].quantity, 3);
  EXPECT_EQ(read->items[1].unit_price.amount_minor, 1999);
  // What the call answered is what is stored.
  EXPECT_EQ(made.total.amount_minor, read->total.amount_minor);
  EXPECT_EQ(made.items.size(), 2u);
  EXPECT_EQ(made.items[1].product_name, read->items[1].product_name);
}

TEST_F(OrderRepositoryTest, OrderInAStateThatTheProgramDoesNotKnowIsInternal) {
  const Order made = Create(7);
  Ask("ALTER TABLE orders DROP CONSTRAINT orders_state_check");
  Ask("UPDATE orders SET state = 'LOST'");
  const auto read = orders_->Get(call_, made.id, Owner::Anyone());
  EXPECT_TRUE(absl::IsInternal(read.status())) << read.status();
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("column state of get_order"));
  EXPECT_TRUE(absl::IsInternal(orders_->List(call_, std::nullopt, std::nullopt, 10).status()));
  const auto moved = orders_->CallOff(call_, made.id, Owner::Anyone());
  EXPECT_TRUE(absl::IsInternal(moved.status())) << moved.status();
  EXPECT_EQ(Ask("SELECT state FROM orders"), "LOST");
}

TEST_F(OrderRepositoryTest, CreationWithAPriceThatCannotBeReadIsInternalAndLeavesNoOrder) {
  Ask("ALTER TABLE products ALTER COLUMN price_minor DROP NOT NULL");
  Ask("UPDATE products SET price_minor = NULL");
  const auto created = TryToCreate({UserId(7), {{ProductId(1), 1}}});
  EXPECT_TRUE(absl::IsInternal(created.status())) << created.status();
  EXPECT_EQ(Ask("SELECT count(*) FROM orders"), "0");
  const auto product = MakeProductRepository(*pool_)->Get(call_, ProductId(1));
  EXPECT_TRUE(absl::IsInternal(product.status())) << product.status();
  EXPECT_THAT(std::string(product.status().message()),
              HasSubstr("column price_minor of get_product"));
}

TEST_F(OrderRepositoryTest, AReplicaThatStartsGivesNoIdOutAgain) {
  const auto seeded = MakePool(Schema(), /*seed=*/true);
  ASSERT_NE(Ask("SELECT count(*) FROM orders"), "0");
  // An order that another replica has not committed yet.
  const std::string taken = Ask("SELECT nextval(pg_get_serial_sequence('orders', 'id'))");
  const auto replica = MakePool(Schema(), /*seed=*/true);
  EXPECT_GT(Create(7).id.value(), std::stoll(taken));
}

TEST_F(OrderRepositoryTest, RefusesEveryLineThatCannotBeSold) {
  const auto created =
      TryToCreate({UserId(7), {{ProductId(1), 1}, {ProductId(9), 1}, {ProductId(3), 1}}});
  ASSERT_TRUE(absl::IsInvalidArgument(created.status())) << created.status();
  const auto violations = FieldViolationsOf(created.status());
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].field, "items[1].product_id");
  EXPECT_EQ(violations[1].field, "items[2].product_id");
  EXPECT_EQ(Ask("SELECT count(*) FROM orders"), "0");
}

TEST_F(OrderRepositoryTest, ListsNewestFirstOfOneUserOrOfAll) {
  const OrderId a = Create(7).id;
  const OrderId b = Create(8).id;
  const OrderId c = Create(7, {{ProductId(1), 1}, {ProductId(2), 1}}).id;
  const auto ids = [](const absl::StatusOr<std::vector<Order>>& orders) {
    std::vector<OrderId> result;
    for (const Order& order : orders.value()) result.push_back(order.id);
    return result;
  };
  EXPECT_THAT(ids(orders_->List(call_, std::nullopt, std::nullopt, 10)), ElementsAre(c, b, a));
  EXPECT_THAT(ids(orders_->List(call_, std::nullopt, c, 1)), ElementsAre(b));
  EXPECT_THAT(ids(orders_->List(call_, UserId(7), std::nullopt, 10)), ElementsAre(c, a));
  EXPECT_THAT(ids(orders_->List(call_, UserId(7), c, 10)), ElementsAre(a));
  EXPECT_THAT(ids(orders_->List(call_, UserId(9), std::nullopt, 10)), ElementsAre());
}

TEST_F(OrderRepositoryTest, ListsTheNewestOrdersWhateverOrderTheTableIsReadIn) {
  Create(7);
  Create(7);
  const OrderId c = Create(7, {{ProductId(1), 1}, {ProductId(2), 1}, {ProductId(4), 1}}).id;
  const OrderId d = Create(7).id;
  // Without these the rows come as they are stored, which is neither by order nor by line.
  Ask("DROP INDEX orders_user_id_id_idx");
  Ask("ALTER TABLE order_items DROP CONSTRAINT order_items_pkey,"
      " DROP CONSTRAINT order_items_order_id_product_id_key");
  Ask("UPDATE order_items SET quantity = 2 WHERE line = 1");
  const auto of_one = orders_->List(call_, UserId(7), std::nullopt, 2);
  const auto of_all = orders_->List(call_, std::nullopt, std::nullopt, 2);
  const auto of_many = orders_->ListOfUsers(call_, {UserId(7)}, 2, 10);
  ASSERT_TRUE(of_many.ok()) << of_many.status();
  for (const auto& orders : {of_one, of_all, absl::StatusOr<std::vector<Order>>(of_many->orders)}) {
    ASSERT_TRUE(orders.ok()) << orders.status();
    ASSERT_EQ(orders->size(), 2u);
    EXPECT_EQ((*orders)[0].id, d);
    EXPECT_EQ((*orders)[1].id, c);
    ASSERT_EQ((*orders)[1].items.size(), 3u);
    EXPECT_EQ((*orders)[1].items[0].product_id, ProductId(1));
    EXPECT_EQ((*orders)[1].items[2].product_id, ProductId(4));
  }
}

TEST_F(OrderRepositoryTest, ListsTheOrdersOfManyUsersWithOneStatement) {
  Create(7);
  const OrderId b = Create(7).id;
  const OrderId c = Create(7, {{ProductId(1), 1}, {ProductId(2), 1}}).id;
  const OrderId d = Create(8).id;
  Ask("SELECT pg_stat_statements_reset()");
  const auto loaded = orders_->ListOfUsers(call_, {UserId(8), UserId(9), UserId(7)}, 2, 4);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->complete_users, 3u);
  const std::vector<Order>& orders = loaded->orders;
  ASSERT_EQ(orders.size(), 3u);
  EXPECT_EQ(orders[0].id, d);
  EXPECT_EQ(orders[1].id, c);
  EXPECT_EQ(orders[1].items.size(), 2u);
  EXPECT_EQ(orders[2].id, b);
  EXPECT_EQ(Ask("SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%FROM orders%'"), "1");
}

TEST_F(OrderRepositoryTest, FindsAndMovesAnOrderOnlyForItsOwner) {
  const OrderId id = Create(7).id;
  EXPECT_TRUE(orders_->Get(call_, id, Owner::User(7)).ok());
  EXPECT_EQ(orders_->Get(call_, id, Owner::User(8)).status(), NoSuchOrder(id));
  EXPECT_EQ(orders_->CallOff(call_, id, Owner::User(8)).status(), NoSuchOrder(id));
  EXPECT_EQ(Ask("SELECT state FROM orders"), "PENDING");
  EXPECT_TRUE(orders_->CallOff(call_, id, Owner::User(7)).ok());
}

TEST_F(OrderRepositoryTest, FindsManyOrdersWithTheirLinesWithOneStatement) {
  const OrderId a = Create(7, {{ProductId(2), 3}, {ProductId(1), 1}}).id;
  Create(7);
  const OrderId c = Create(8).id;
  Ask("SELECT pg_stat_statements_reset()");
  const auto found = orders_->FindMany(call_, {{c, Owner::Anyone()},
                                               {OrderId(4711), Owner::Anyone()},
                                               {a, Owner::User(7)},
                                               {a, Owner::User(8)},
                                               {a, Owner::Anyone()}});
  ASSERT_TRUE(found.ok()) << found.status();
  std::vector<std::optional<OrderId>> ids;
  for (const std::optional<Order>& order : *found) {
    ids.push_back(order ? std::optional(order->id) : std::nullopt);
  }
  EXPECT_THAT(ids, ElementsAre(c, std::nullopt, a, std::nullopt, a));
  for (const std::size_t position : {2u, 4u}) {
    ASSERT_EQ((*found)[position]->items.size(), 2u);
    EXPECT_EQ((*found)[position]->items[0].product_id, ProductId(2));
  }
  EXPECT_EQ(Ask("SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%FROM orders%'"), "1");
}

TEST_F(OrderRepositoryTest, FindsManyProductsWithOneStatement) {
  const auto products = MakeProductRepository(*pool_);
  Ask("SELECT pg_stat_statements_reset()");
  auto found = products->FindMany(call_, {ProductId(3), ProductId(4711), ProductId(1)});
  ASSERT_TRUE(found.ok()) << found.status();
  std::ranges::sort(*found, {}, &Product::id);
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].name, "Lamp");
  EXPECT_EQ((*found)[1].price.currency, "JPY");
  EXPECT_EQ(Ask("SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%FROM products%'"),
            "1");
}

TEST_F(OrderRepositoryTest, LoadsTheUsersWhoseLinesFitIntoTheLimitTogether) {
  const OrderId a = Create(7, {{ProductId(1), 1}, {ProductId(2), 1}}).id;
  Create(8, {{ProductId(1), 1}, {ProductId(2), 1}});
  const OrderId c = Create(8).id;
  Create(9);
  const std::vector<UserId> users = {UserId(7), UserId(10), UserId(8), UserId(11), UserId(9)};
  // Five lines until the third user's end, the fifth of which is of an order of its own.
  const auto all_but_one = orders_->ListOfUsers(call_, users, 2, 4);
  ASSERT_TRUE(all_but_one.ok()) << all_but_one.status();
  EXPECT_EQ(all_but_one->complete_users, 2u);
  ASSERT_EQ(all_but_one->orders.size(), 1u);
  EXPECT_EQ(all_but_one->orders[0].id, a);
  const auto just_all = orders_->ListOfUsers(call_, users, 2, 5);
  ASSERT_TRUE(just_all.ok()) << just_all.status();
  EXPECT_EQ(just_all->complete_users, 4u);
  ASSERT_EQ(just_all->orders.size(), 3u);
  EXPECT_EQ(just_all->orders[1].id, c);
  EXPECT_EQ(orders_->ListOfUsers(call_, users, 2, 1)->complete_users, 0u);
  EXPECT_EQ(orders_->ListOfUsers(call_, users, 2, 6)->complete_users, 5u);
}

TEST_F(OrderRepositoryTest, AsksForSortedLinesIfTheyDoNotComeInOrder) {
  const OrderId a = Create(7).id;
  const OrderId b = Create(7).id;
  // Each line comes twice, which no plan answers in ascending order.
  Ask("ALTER TABLE order_items RENAME TO stored_items");
  Ask("CREATE VIEW order_items AS SELECT * FROM stored_items UNION ALL SELECT * FROM stored_items");
  Ask("SELECT pg_stat_statements_reset()");
  const auto loaded = orders_->ListOfUsers(call_, {UserId(7)}, 2, 10);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_EQ(loaded->orders.size(), 2u);
  EXPECT_EQ(loaded->orders[0].id, b);
  EXPECT_EQ(loaded->orders[1].id, a);
  EXPECT_EQ(loaded->orders[1].items.size(), 2u);
  EXPECT_EQ(Ask("SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%FROM orders%'"), "2");
}

TEST_F(OrderRepositoryTest, CallsAnOrderOffOnce) {
  const OrderId id = Create(7).id;
  const auto cancelled = orders_->CallOff(call_, id, Owner::User(7));
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->state, OrderState::kCancelled);
  EXPECT_EQ(cancelled->items.size(), 1u);
  EXPECT_GT(cancelled->updated_at, cancelled->created_at);
  // Repeated: allowed, and nothing changes.
  const auto again = orders_->CallOff(call_, id, Owner::Anyone());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->state, OrderState::kCancelled);
  EXPECT_EQ(again->updated_at, cancelled->updated_at);
}

TEST_F(OrderRepositoryTest, CallsAnOrderOffInTheStatesThatAllowIt) {
  const OrderId id = Create(7).id;
  for (const OrderState state : kOrderStates) {
    Ask("UPDATE orders SET state = '" + std::string(OrderStateName(state)) + "'");
    const absl::StatusOr<Order> result = orders_->CallOff(call_, id, Owner::Anyone());
    if (const auto next = NextState(state, OrderEvent::kCalledOff)) {
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->state, *next);
      continue;
    }
    const bool in_progress = state == OrderState::kReserved;
    EXPECT_EQ(absl::IsAborted(result.status()), in_progress) << result.status();
    EXPECT_EQ(absl::IsFailedPrecondition(result.status()), !in_progress) << result.status();
    EXPECT_EQ(ReasonOf(result.status()), in_progress ? "PAYMENT_IN_PROGRESS" : "");
    EXPECT_EQ(MetadataOf(result.status()).contains("retryAfterMs"), in_progress);
    EXPECT_EQ(Ask("SELECT state FROM orders"), OrderStateName(state));
  }
}

TEST_F(OrderRepositoryTest, OrderThatDoesNotExistIsNotFound) {
  EXPECT_EQ(orders_->CallOff(call_, OrderId(4711), Owner::Anyone()).status(),
            NoSuchOrder(OrderId(4711)));
  EXPECT_TRUE(absl::IsNotFound(orders_->Get(call_, OrderId(4711), Owner::Anyone()).status()));
}

TEST_F(OrderRepositoryTest, ConcurrentCancellationsAreOne) {
  const OrderId id = Create(7).id;
  const std::function<absl::StatusOr<Order>()> call_off = [&] {
    return orders_->CallOff(call_, id, Owner::Anyone());
  };
  for (const auto& result :
       RunBehindLock("SELECT FROM orders FOR UPDATE", std::vector(kRacingCalls, call_off))) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->state, OrderState::kCancelled);
  }
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox WHERE aggregate_id = " + std::to_string(id.value())),
            "2");
}

TEST_F(OrderRepositoryTest, ListsTheCatalogById) {
  // Without the index the rows come as they are stored: the second product last.
  Ask("ALTER TABLE products DROP CONSTRAINT products_pkey CASCADE");
  Ask("UPDATE products SET created_at = now() WHERE id = 2");
  const auto products = MakeProductRepository(*pool_);
  const auto page = products->List(call_, ProductId(1), 10);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->size(), 3u);
  EXPECT_EQ((*page)[0].id, ProductId(2));
  EXPECT_EQ((*page)[1].price.currency, "JPY");
  const auto lamp = products->Get(call_, ProductId(1));
  ASSERT_TRUE(lamp.ok());
  EXPECT_EQ(lamp->name, "Lamp");
  EXPECT_TRUE(absl::IsNotFound(products->Get(call_, ProductId(9)).status()));
}

class OrderDemoDataTest : public scaleout::testing::PoolFixture {};

TEST_F(OrderDemoDataTest, HasFortyProductsAndFiveThousandOrdersThatAddUp) {
  const auto pool = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM products"), "40");
  EXPECT_EQ(Ask("SELECT count(*) FROM orders"), "5000");
  EXPECT_EQ(Ask("SELECT min(n) || ' ' || max(n) FROM (SELECT count(*) AS n FROM orders GROUP BY "
                "user_id) AS c"),
            "5 5");
  EXPECT_EQ(
      Ask("SELECT count(*) FROM orders AS o WHERE total_minor <>"
          " (SELECT sum(quantity * unit_price_minor) FROM order_items WHERE order_id = o.id)"),
      "0");
  const auto again = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM orders"), "5000");
  Outbox outbox(*pool, PublishedStreams());
  const auto created = Transacted(CallFor(), outbox, [&](PostgresSession& session) {
    return MakeOrderRepository(*pool, outbox)->Create(session, {UserId(1), {{ProductId(40), 1}}});
  });
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->id.value(), 5001);
}

TEST_F(OrderDemoDataTest, LoadedAgainDoesNotMoveTheSequencesBack) {
  const auto pool = MakePool(Schema(), true);
  Outbox outbox(*pool, PublishedStreams());
  const auto orders = MakeOrderRepository(*pool, outbox);
  const auto create = [&](PostgresSession& session) {
    return orders->Create(session, {UserId(1), {{ProductId(40), 1}}});
  };
  const auto last = Transacted(CallFor(), outbox, create);
  ASSERT_TRUE(last.ok()) << last.status();
  const std::string product = Ask("SELECT nextval(pg_get_serial_sequence('products', 'id'))");
  Ask("TRUNCATE products, orders, order_items, payment_reservations");
  const auto again = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM orders"), "5000");
  EXPECT_EQ(Ask("SELECT count(*) FROM products"), "40");
  const auto next = Transacted(CallFor(), outbox, create);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_GT(next->id, last->id);
  EXPECT_GT(std::stoi(Ask("SELECT nextval(pg_get_serial_sequence('products', 'id'))")),
            std::stoi(product));
}

}  // namespace
}  // namespace scaleout::order
