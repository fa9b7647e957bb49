// The right to charge for an order, once, as plain values.
//
// The order service reserves an order for a charge before the payment service makes it, so that an
// order is charged once, for its own total, and never while it is being cancelled. A reservation
// has an id of its own, chosen at random, and does not expire: it ends when the payment service
// says what became of the charge, and what names another reservation changes nothing. No I/O.
#ifndef SCALEOUT_SERVICES_ORDER_RESERVATION_H_
#define SCALEOUT_SERVICES_ORDER_RESERVATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "service/principal.h"
#include "services/order/order.h"

namespace scaleout::order {

enum class ReservationOutcome { kCaptured, kFailed };

// "CAPTURED", as the table stores it, and back.
std::string_view ReservationOutcomeName(ReservationOutcome outcome);
std::optional<ReservationOutcome> FindReservationOutcome(std::string_view name);

struct Reservation {
  std::string id;  // a UUID
  OrderId order_id;
  UserId user_id;
  Money amount;  // the order's total
};

// What a client expects of the order that it pays; what is absent it does not say.
struct ExpectedOrder {
  std::optional<std::int64_t> amount_minor;
  std::string currency;  // empty: not said
  std::optional<UserId> user_id;
};

struct WantedReservation {
  OrderId order_id;
  Owner owner;
  std::string principal;  // PrincipalKey(); the key is its own
  std::string idempotency_key;
  ExpectedOrder expected;
  std::uint64_t payload_checksum = 0;  // of what else the key names; 0: not said
};

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_RESERVATION_H_
