// The reservations' table, and what reservations do to their orders. All of its SQL is in the .cc.
//
// Every change is made under the lock of the order's row, so that of a payment and a cancellation,
// or of two payments, one comes first, and the other sees what it has done. Statuses as in
// order_repository.h. Implementations are thread-safe.
#ifndef SCALEOUT_SERVICES_ORDER_RESERVATION_REPOSITORY_H_
#define SCALEOUT_SERVICES_ORDER_RESERVATION_REPOSITORY_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/order/charge.h"
#include "services/order/order.h"
#include "services/order/reservation.h"

namespace scaleout {
class Outbox;
class PostgresPool;
class PostgresSession;
}  // namespace scaleout

namespace scaleout::order {

// A reservation that has waited for its end for too long.
struct OverdueReservation {
  std::string id;
  OrderId order_id;
};

class ReservationRepository {
 public:
  virtual ~ReservationRepository() = default;

  // The reservation of that key, whatever has become of it and of the order; else a new one, and
  // the order is RESERVED. What is refused, and how, is in the contract
  // (OrderService.ReservePayment).
  virtual absl::StatusOr<Reservation> Reserve(const CallContext& call,
                                              const WantedReservation& wanted) = 0;

  // Ends the reservation that the charge names and moves its order, in the caller's transaction.
  // ABORTED if it must wait (MustWait).
  virtual absl::StatusOr<ChargeEffect> Settle(PostgresSession& session, const Charge& charge) = 0;

  // Begins the refund of what the order was paid with under that reservation; "" for an order that
  // was paid without one. Statuses as OrderService.RequestRefund has them.
  virtual absl::Status RequestRefund(const CallContext& call, OrderId order_id,
                                     const std::string& reservation_id) = 0;

  // The order's payment under that reservation was given back; whether that has moved the order. In
  // the caller's transaction.
  virtual absl::StatusOr<bool> Refunded(PostgresSession& session, OrderId order_id,
                                        const std::string& reservation_id) = 0;

  // At most `limit` reservations that wait for more than `age` since they were made, or since they
  // were last answered here. Another replica is not given them for as long.
  virtual absl::StatusOr<std::vector<OverdueReservation>> TakeOverdue(const CallContext& call,
                                                                      std::chrono::milliseconds age,
                                                                      int limit) = 0;

  // Forgets at most `most` keys of reservations that ended more than kIdempotencyKeyLife ago; how
  // many.
  virtual absl::StatusOr<std::int64_t> Purge(const CallContext& call, std::int32_t most) = 0;
};

// `outbox` is that of `pool`; both must outlive the repository.
std::unique_ptr<ReservationRepository> MakeReservationRepository(PostgresPool& pool,
                                                                 Outbox& outbox);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_RESERVATION_REPOSITORY_H_
