// What the order repository and the products' table publish, in the transactions of the changes.
#include <string>
#include <utility>
#include <vector>

#include "proto/scaleout/events/v1/event.h"
#include "scaleout/events/v1/events.pb.h"
#include "services/order/order_events.h"
#include "services/order/order_repository.h"
#include "services/order/schema.h"
#include "tests/integration/pool_fixture.h"
#include "tests/integration/transacted.h"

namespace scaleout::order {
namespace {

using scaleout::testing::CallFor;
using scaleout::testing::Transacted;

class OrderRepositoryEventsTest : public scaleout::testing::PoolFixture {
 protected:
  OrderRepositoryEventsTest() {
    Ask("INSERT INTO products (id, name, price_minor, currency) VALUES (1, 'Lamp', 1999, 'EUR')");
    ForgetEvents();
  }

  void ForgetEvents() { Ask("DELETE FROM outbox"); }

  OrderId Create() {
    const auto created = TryToCreate(ProductId(1));
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? created->id : OrderId();
  }

  absl::StatusOr<Order> TryToCreate(ProductId product) {
    return Transacted(call_, outbox_, [&](PostgresSession& session) {
      return orders_->Create(session, {UserId(7), {{product, 1}}});
    });
  }

  absl::Status CallOff(OrderId id) { return orders_->CallOff(call_, id, Owner::Anyone()).status(); }

  static std::string Changed(OrderId id) { return "order.changed " + std::to_string(id.value()); }

  const CallContext call_ = CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  Outbox outbox_{*pool_, PublishedStreams()};
  const std::unique_ptr<OrderRepository> orders_ = MakeOrderRepository(*pool_, outbox_);
};

TEST_F(OrderRepositoryEventsTest, CreationIsPublished) {
  const OrderId first = Create();
  const OrderId second = Create();
  EXPECT_EQ(OutboxEvents(), Changed(first) + ", " + Changed(second));
  EXPECT_EQ(Ask("SELECT payload::json->>'userId' FROM outbox LIMIT 1"), "7");
}

TEST_F(OrderRepositoryEventsTest, RefusedCreationPublishesNothing) {
  EXPECT_FALSE(TryToCreate(ProductId(4711)).ok());
  EXPECT_EQ(OutboxEvents(), "");
}

TEST_F(OrderRepositoryEventsTest, CancellationIsPublishedAndARepeatedOrRefusedOneIsNot) {
  const OrderId id = Create();
  ForgetEvents();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(CallOff(id).ok());
    EXPECT_EQ(OutboxEvents(), Changed(id));
  }
  EXPECT_FALSE(CallOff(OrderId(4711)).ok());
  const OrderId delivered = Create();
  ForgetEvents();
  Ask("UPDATE orders SET state = 'FULFILLED' WHERE id = " + std::to_string(delivered.value()));
  EXPECT_FALSE(CallOff(delivered).ok());
  EXPECT_EQ(OutboxEvents(), "");
}

TEST_F(OrderRepositoryEventsTest, ChangeWhoseEventCannotBeWrittenIsNotMade) {
  const OrderId id = Create();
  Ask("ALTER TABLE outbox ADD CHECK (id < 0) NOT VALID");
  EXPECT_FALSE(TryToCreate(ProductId(1)).ok());
  EXPECT_FALSE(CallOff(id).ok());
  EXPECT_EQ(Ask("SELECT string_agg(state, ' ') FROM orders"), "PENDING");
}

TEST_F(OrderRepositoryEventsTest, ChangeOfAProductIsPublishedWithItsTransaction) {
  Ask("INSERT INTO products (id, name, price_minor, currency) VALUES (9, 'Tent', 8900, 'EUR')");
  EXPECT_EQ(OutboxEvents(), "product.changed 9");
  events::v1::ProductChanged message;
  ASSERT_TRUE(events::v1::ParsePayload(Ask("SELECT payload FROM outbox"), message).ok());
  EXPECT_EQ(message.product_id(), 9);
  ForgetEvents();
  Ask("UPDATE products SET price_minor = price_minor + 1");
  EXPECT_EQ(OutboxEvents(), "product.changed 1, product.changed 9");
  ForgetEvents();
  Ask("DELETE FROM products WHERE id = 9");
  EXPECT_EQ(OutboxEvents(), "product.changed 9");
  ForgetEvents();
  Ask("BEGIN; UPDATE products SET name = 'Other'; ROLLBACK");
  EXPECT_EQ(OutboxEvents(), "");
}

TEST_F(OrderRepositoryEventsTest, UpdateThatLeavesAProductAsItWasPublishesNothing) {
  Ask("UPDATE products SET name = name, price_minor = 1999");
  EXPECT_EQ(OutboxEvents(), "");
  // NULL is no value that could be compared with =.
  Ask("ALTER TABLE products ADD note text");
  Ask("UPDATE products SET note = NULL");
  EXPECT_EQ(OutboxEvents(), "");
  Ask("UPDATE products SET note = 'new'");
  EXPECT_EQ(OutboxEvents(), "product.changed 1");
}

TEST_F(OrderRepositoryEventsTest, ProductThatGetsAnotherIdIsPublishedUnderBoth) {
  Ask("UPDATE products SET id = 2");
  EXPECT_EQ(Ask("SELECT string_agg(payload, ' ' ORDER BY aggregate_id) FROM outbox"),
            R"({"productId":"1"} {"productId":"2"})");
}

TEST_F(OrderRepositoryEventsTest, EveryEventOfTheTriggerIsDeclared) {
  Ask("UPDATE products SET name = 'Other'");
  const std::string type = Ask("SELECT type FROM outbox");
  const absl::Status added = outbox_.Transact(call_, [&](PostgresSession& session) {
    return outbox_.Add(session, {{type, 1, "{}"}});
  });
  EXPECT_TRUE(added.ok()) << added;
}

class OrderDemoDataEventsTest : public scaleout::testing::PoolFixture {};

TEST_F(OrderDemoDataEventsTest, DemoOrdersAreLoadedWithoutEventsAndProductsWithTheTriggers) {
  const auto pool = MakePool(Schema(), true);
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox WHERE kind = 'order'"), "0");
  EXPECT_EQ(Ask("SELECT count(*) FROM outbox"), "40");
}

}  // namespace
}  // namespace scaleout::order
