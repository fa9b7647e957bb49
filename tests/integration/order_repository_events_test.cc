// What the order repository and the products' table publish, and what a charge does to its order,
// in the transactions of the changes.
#include <functional>
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

  absl::StatusOr<ChargeEffect> Apply(const Charge& charge) {
    return Transacted(call_, outbox_, [&](PostgresSession& session) {
      return orders_->ApplyCharge(session, charge);
    });
  }

  std::string Effect(const Charge& charge) {
    const absl::StatusOr<ChargeEffect> effect = Apply(charge);
    return effect.ok() ? std::string(ChargeEffectName(*effect)) : effect.status().ToString();
  }

  std::string State(OrderId id) {
    return Ask("SELECT state FROM orders WHERE id = " + std::to_string(id.value()));
  }

  static std::string Changed(OrderId id) { return "order.changed " + std::to_string(id.value()); }

  static Charge Captured(OrderId id) { return {id, UserId(7), Money{1999, "EUR"}}; }
  static Charge Refused(OrderId id) { return {id, UserId(7), std::nullopt}; }

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

TEST_F(OrderRepositoryEventsTest, MoveIsPublishedAndARepeatedOrRefusedOneIsNot) {
  const OrderId id = Create();
  ForgetEvents();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(orders_->Apply(call_, id, Owner::Anyone(), OrderEvent::kCalledOff).ok());
    EXPECT_EQ(OutboxEvents(), Changed(id));
  }
  EXPECT_FALSE(orders_->Apply(call_, id, Owner::Anyone(), OrderEvent::kCharged).ok());
  EXPECT_FALSE(orders_->Apply(call_, OrderId(4711), Owner::Anyone(), OrderEvent::kCalledOff).ok());
  EXPECT_EQ(OutboxEvents(), Changed(id));
}

TEST_F(OrderRepositoryEventsTest, ChangeWhoseEventCannotBeWrittenIsNotMade) {
  const OrderId id = Create();
  Ask("ALTER TABLE outbox ADD CHECK (id < 0) NOT VALID");
  EXPECT_FALSE(TryToCreate(ProductId(1)).ok());
  EXPECT_FALSE(orders_->Apply(call_, id, Owner::Anyone(), OrderEvent::kCalledOff).ok());
  EXPECT_FALSE(Apply(Captured(id)).ok());
  EXPECT_EQ(Ask("SELECT string_agg(state, ' ') FROM orders"), "PENDING");
}

TEST_F(OrderRepositoryEventsTest, CapturedChargeMakesTheOrderPaidOnce) {
  const OrderId id = Create();
  ForgetEvents();
  EXPECT_EQ(Effect(Captured(id)), "moved");
  EXPECT_EQ(State(id), "PAID");
  EXPECT_EQ(OutboxEvents(), Changed(id));
  const std::string updated = Ask("SELECT updated_at FROM orders");
  EXPECT_EQ(Effect(Captured(id)), "not_allowed");
  EXPECT_EQ(State(id), "PAID");
  EXPECT_EQ(OutboxEvents(), Changed(id));
  EXPECT_EQ(Ask("SELECT updated_at FROM orders"), updated);
}

TEST_F(OrderRepositoryEventsTest, RefusedChargeLeavesAnOrderThatCanStillBePaid) {
  const OrderId id = Create();
  ForgetEvents();
  EXPECT_EQ(Effect(Refused(id)), "moved");
  EXPECT_EQ(State(id), "PAYMENT_FAILED");
  EXPECT_EQ(Effect(Refused(id)), "unchanged");
  EXPECT_EQ(OutboxEvents(), Changed(id));
  EXPECT_EQ(Effect(Captured(id)), "moved");
  EXPECT_EQ(State(id), "PAID");
  EXPECT_EQ(OutboxEvents(), Changed(id) + ", " + Changed(id));
}

TEST_F(OrderRepositoryEventsTest, ChargeThatDoesNotFitItsOrderChangesNothing) {
  const OrderId id = Create();
  const OrderId cancelled = Create();
  ASSERT_TRUE(orders_->Apply(call_, cancelled, Owner::Anyone(), OrderEvent::kCalledOff).ok());
  ForgetEvents();
  EXPECT_EQ(Effect(Captured(OrderId(4711))), "no_such_order");
  EXPECT_EQ(Effect({id, UserId(8), Money{1999, "EUR"}}), "other_user");
  EXPECT_EQ(Effect({id, UserId(8), std::nullopt}), "other_user");
  EXPECT_EQ(Effect({id, UserId(7), Money{1998, "EUR"}}), "other_amount");
  EXPECT_EQ(Effect({id, UserId(7), Money{1999, "USD"}}), "other_amount");
  EXPECT_EQ(Effect(Captured(cancelled)), "not_allowed");
  EXPECT_EQ(State(id), "PENDING");
  EXPECT_EQ(State(cancelled), "CANCELLED");
  EXPECT_EQ(OutboxEvents(), "");
}

TEST_F(OrderRepositoryEventsTest, EffectOfAChargeIsRolledBackWithItsTransaction) {
  const OrderId id = Create();
  ForgetEvents();
  const absl::Status status = outbox_.Transact(call_, [&](PostgresSession& session) {
    EXPECT_TRUE(orders_->ApplyCharge(session, Captured(id)).ok());
    return absl::AbortedError("the inbox could not be written");
  });
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_EQ(State(id), "PENDING");
  EXPECT_EQ(OutboxEvents(), "");
}

TEST_F(OrderRepositoryEventsTest, OrderThatCannotBeReadFailsItsCharge) {
  const OrderId id = Create();
  Ask("ALTER TABLE orders DROP CONSTRAINT orders_state_check");
  Ask("UPDATE orders SET state = 'LOST'");
  EXPECT_TRUE(absl::IsInternal(Apply(Captured(id)).status()));
  EXPECT_EQ(State(id), "LOST");
}

TEST_F(OrderRepositoryEventsTest, OneOfAConcurrentCancellationAndChargeIsApplied) {
  const OrderId id = Create();
  ForgetEvents();
  const auto results = RunBehindLock<std::string>(
      "SELECT FROM orders FOR UPDATE",
      {[&]() -> std::string {
         return orders_->Apply(call_, id, Owner::Anyone(), OrderEvent::kCalledOff).ok()
                    ? "moved"
                    : "not_allowed";
       },
       [&] { return Effect(Captured(id)); }});
  EXPECT_NE(results[0], results[1]);
  EXPECT_EQ(State(id), results[0] == "moved" ? "CANCELLED" : "PAID");
  EXPECT_EQ(OutboxEvents(), Changed(id));
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
