// Which access paths the statements around payments and idempotency keys take, on tables where
// reading all of one would show.
#include <memory>
#include <string>

#include "scaleout/order/v1/order.pb.h"
#include "service/idempotency/idempotency_purge.h"
#include "service/idempotency/idempotent_writes.h"
#include "services/order/order_events.h"
#include "services/order/order_repository.h"
#include "services/order/reservation_repository.h"
#include "services/order/schema.h"
#include "tests/integration/plans_fixture.h"
#include "tests/integration/transacted.h"

namespace scaleout::order {
namespace {

using scaleout::testing::CallFor;
using scaleout::testing::Transacted;

using ReservationPlansTest = scaleout::testing::PlansFixture;

// The demo data has some.
constexpr const char* kNoReservations = "TRUNCATE payment_reservations";
// 5,000 orders, each paid once; and 20 that can be paid.
constexpr const char* kReservations =
    "INSERT INTO payment_reservations (order_id, principal, idempotency_key, fingerprint, outcome,"
    " ended_at, settle_at) SELECT id, 'lab', 'key ' || id, 'f', 'CAPTURED', now(), now()"
    " FROM orders";
constexpr const char* kWaitingOrders =
    "INSERT INTO orders (id, user_id, state, total_minor, currency)"
    " SELECT i, 1, 'PENDING', 1, 'EUR' FROM generate_series(10001, 10020) AS i";
constexpr const char* kWaitingLines =
    "INSERT INTO order_items (order_id, line, product_id, product_name, quantity, unit_price_minor)"
    " SELECT i, 1, 1, 'Lamp', 1, 1 FROM generate_series(10001, 10020) AS i";

TEST_F(ReservationPlansTest, StatementsOfReservationsUseTheIndexes) {
  Seed(Schema(), {kNoReservations, kReservations, kWaitingOrders, kWaitingLines});
  ExpectIndexScans(
      Schema(), "'orders', 'order_items', 'payment_reservations'", [](PostgresPool& pool) {
        Outbox outbox(pool, PublishedStreams());
        const auto orders = MakeOrderRepository(pool, outbox);
        const auto reservations = MakeReservationRepository(pool, outbox);
        const OrderId id(10001);
        const WantedReservation wanted = {id, Owner::User(1), "user 1", "new", {}};
        const auto reserved = reservations->Reserve(CallFor(), wanted);
        ASSERT_TRUE(reserved.ok()) << reserved.status();
        EXPECT_EQ(reservations->Reserve(CallFor(), wanted)->id, reserved->id);
        EXPECT_TRUE(reservations->TakeOverdue(CallFor(), std::chrono::minutes(1), 10)->empty());
        const auto settled = Transacted(CallFor(), outbox, [&](PostgresSession& session) {
          return reservations->Settle(session, {id, reserved->id, Money{1, "EUR"}});
        });
        EXPECT_EQ(settled.value(), ChargeEffect::kMoved);
        EXPECT_TRUE(reservations->RequestRefund(CallFor(), id, reserved->id).ok());
        EXPECT_TRUE(orders->CallOff(CallFor(), id, Owner::User(1)).ok());
        const auto refunded = Transacted(CallFor(), outbox, [&](PostgresSession& session) {
          return reservations->Refunded(session, id, reserved->id);
        });
        EXPECT_TRUE(refunded.value());
        EXPECT_EQ(reservations->Purge(CallFor(), 10).value(), 0);
      });
}

TEST_F(ReservationPlansTest, OverdueReservationsAndOldKeysAreFoundWithoutReadingTheOthers) {
  Seed(Schema(),
       {kNoReservations, kReservations, kWaitingOrders,
        "INSERT INTO payment_reservations (order_id, principal, idempotency_key, fingerprint,"
        " settle_at) SELECT id, 'lab', 'key ' || id, 'f', now() - interval '5 minutes'"
        " FROM orders WHERE id > 10000",
        "UPDATE payment_reservations SET ended_at = now() - interval '2 days' WHERE order_id < 4"});
  const std::int64_t fetched =
      ExpectIndexScans(Schema(), "'payment_reservations'", [](PostgresPool& pool) {
        Outbox outbox(pool, PublishedStreams());
        const auto reservations = MakeReservationRepository(pool, outbox);
        EXPECT_EQ(reservations->TakeOverdue(CallFor(), std::chrono::minutes(1), 3)->size(), 3u);
        EXPECT_EQ(reservations->Purge(CallFor(), 2).value(), 2);
      });
  // Found and written: each once by the index of its time, once by its id.
  EXPECT_LE(fetched, 2 * (3 + 2) + 2);
}

TEST_F(ReservationPlansTest, IdempotencyKeysAreTakenReadForgottenAndPurgedByTheirIndexes) {
  Seed(
      Schema(),
      {"INSERT INTO idempotency_keys (principal, route, key, fingerprint, answer, created_id)"
       " SELECT 'lab', 'CreateOrder', 'key ' || i, 'f', '{}', i FROM generate_series(1, 5000) AS i",
       "UPDATE idempotency_keys SET created_at = now() - interval '2 days' WHERE created_id < 4"});
  const std::int64_t fetched =
      ExpectIndexScans(Schema(), "'idempotency_keys'", [](PostgresPool& pool) {
        Outbox outbox(pool, PublishedStreams());
        const auto writes = MakeIdempotentWrites(outbox);
        const IdempotencyKey key{kLabPrincipal, "CreateOrder", "key 7", "f"};
        v1::CreateOrderResponse answer;
        const auto write = [](PostgresSession&) -> absl::StatusOr<std::int64_t> { return 4711; };
        EXPECT_TRUE(writes->Run(CallFor(), key, answer, write).value());
        const IdempotencyKey fresh{kLabPrincipal, "CreateOrder", "fresh", "f"};
        EXPECT_FALSE(writes->Run(CallFor(), fresh, answer, write).value());
        const absl::Status forgotten = outbox.Transact(CallFor(), [](PostgresSession& session) {
          return ForgetCreated(session, "CreateOrder", 9);
        });
        EXPECT_TRUE(forgotten.ok()) << forgotten;
        EXPECT_EQ(PurgeIdempotencyKeys(CallFor(), pool, 2).value(), 2);
      });
  EXPECT_LE(fetched, 10);
}

}  // namespace
}  // namespace scaleout::order
