// An order whose row the caller's transaction has locked, and the moves of its state. All of their
// SQL is in the .cc.
//
// Every change of an order's state goes through here. Of two transactions that want to move an
// order the second waits until the first has ended, and then decides by the state that it finds. A
// move and its event are written together. Statuses are those of the session.
#ifndef SCALEOUT_SERVICES_ORDER_LOCKED_ORDER_H_
#define SCALEOUT_SERVICES_ORDER_LOCKED_ORDER_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "postgres/postgres_session.h"
#include "service/events/outbox.h"
#include "service/principal.h"
#include "services/order/order.h"

namespace scaleout::order {

struct LockedOrder {
  OrderId id;
  UserId user_id;
  OrderState state = OrderState::kPending;
  Money total;
};

// Locks the order's row until the transaction ends; nothing, and no lock, if there is no such order
// of that owner.
absl::StatusOr<std::optional<LockedOrder>> LockOrder(PostgresSession& session, OrderId id,
                                                     Owner owner);

// Under which reservation the order's payment was captured; "" if under none.
absl::StatusOr<std::string> FindCapturedReservation(PostgresSession& session,
                                                    const LockedOrder& order);

// To a state that order_state.h allows; adds order.changed, and for an order that is to be refunded
// order.refund_requested. Without effect in that state already.
absl::Status MoveOrder(PostgresSession& session, Outbox& outbox, const LockedOrder& order,
                       OrderState next);

// What is answered for an order whose charge is under way: ABORTED with reason PAYMENT_IN_PROGRESS.
absl::Status PaymentInProgress(OrderId id);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_LOCKED_ORDER_H_
