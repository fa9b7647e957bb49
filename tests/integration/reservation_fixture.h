// Orders and their reservations over a fresh database, with one product that costs 19.99 EUR.
#ifndef SCALEOUT_TESTS_INTEGRATION_RESERVATION_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_RESERVATION_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/status.h"
#include "services/order/order_events.h"
#include "services/order/order_repository.h"
#include "services/order/reservation_repository.h"
#include "services/order/schema.h"
#include "tests/integration/pool_fixture.h"
#include "tests/integration/transacted.h"

namespace scaleout::order {

inline constexpr const char* kUnknownId = "0f8fad5b-d9cb-469f-a165-70867728950e";

class ReservationFixture : public scaleout::testing::PoolFixture {
 protected:
  ReservationFixture() {
    Ask("INSERT INTO products (id, name, price_minor, currency) VALUES (1, 'Lamp', 1999, 'EUR')");
    ForgetEvents();
  }

  void ForgetEvents() { Ask("DELETE FROM outbox"); }

  // Of user 7.
  OrderId CreateOrder() {
    const auto created =
        scaleout::testing::Transacted(call_, outbox_, [&](PostgresSession& session) {
          return orders_->Create(session, {UserId(7), {{ProductId(1), 1}}});
        });
    EXPECT_TRUE(created.ok()) << created.status();
    ForgetEvents();
    return created.ok() ? created->id : OrderId();
  }

  static WantedReservation Wanted(OrderId id, const std::string& key = "key") {
    return {id, Owner::User(7), "user 7", key, {}};
  }

  absl::StatusOr<Reservation> Reserve(const WantedReservation& wanted) {
    return reservations_->Reserve(call_, wanted);
  }

  // The id of a reservation that has to be given.
  std::string ReservedId(const WantedReservation& wanted) {
    const absl::StatusOr<Reservation> reserved = Reserve(wanted);
    EXPECT_TRUE(reserved.ok()) << reserved.status();
    return reserved.ok() ? reserved->id : "";
  }
  std::string ReservedId(OrderId id, const std::string& key = "key") {
    return ReservedId(Wanted(id, key));
  }

  static Charge Captured(OrderId id, const std::string& reservation) {
    return {id, reservation, Money{1999, "EUR"}};
  }
  static Charge Failed(OrderId id, const std::string& reservation) {
    return {id, reservation, std::nullopt};
  }

  // What a charge does, as text: "moved".
  std::string Settle(const Charge& charge) {
    const absl::StatusOr<ChargeEffect> effect = scaleout::testing::Transacted(
        call_, outbox_,
        [&](PostgresSession& session) { return reservations_->Settle(session, charge); });
    return effect.ok() ? std::string(ChargeEffectName(*effect)) : effect.status().ToString();
  }

  absl::StatusOr<bool> Refunded(OrderId id, const std::string& reservation) {
    return scaleout::testing::Transacted(call_, outbox_, [&](PostgresSession& session) {
      return reservations_->Refunded(session, id, reservation);
    });
  }

  absl::Status CallOff(OrderId id) { return orders_->CallOff(call_, id, Owner::Anyone()).status(); }

  // An order that was paid under the key "key", and its reservation.
  std::pair<OrderId, std::string> PaidOrder() {
    const OrderId id = CreateOrder();
    const std::string reservation = ReservedId(id);
    EXPECT_EQ(Settle(Captured(id, reservation)), "moved");
    ForgetEvents();
    return {id, reservation};
  }

  std::string State(OrderId id) {
    return Ask("SELECT state FROM orders WHERE id = " + std::to_string(id.value()));
  }
  void SetState(OrderId id, OrderState state) {
    Ask("UPDATE orders SET state = '" + std::string(OrderStateName(state)) +
        "' WHERE id = " + std::to_string(id.value()));
  }
  std::string Outcome(const std::string& reservation) {
    return Ask("SELECT coalesce(outcome, 'none') FROM payment_reservations WHERE id = '" +
               reservation + "'");
  }
  std::string CountReservations() { return Ask("SELECT count(*) FROM payment_reservations"); }

  static std::string Changed(OrderId id) { return "order.changed " + std::to_string(id.value()); }
  static std::string RefundRequested(OrderId id) {
    return "order.refund_requested " + std::to_string(id.value());
  }

  const CallContext call_ = scaleout::testing::CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  Outbox outbox_{*pool_, PublishedStreams()};
  const std::unique_ptr<OrderRepository> orders_ = MakeOrderRepository(*pool_, outbox_);
  const std::unique_ptr<ReservationRepository> reservations_ =
      MakeReservationRepository(*pool_, outbox_);
};

}  // namespace scaleout::order

#endif  // SCALEOUT_TESTS_INTEGRATION_RESERVATION_FIXTURE_H_
