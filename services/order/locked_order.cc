#include "services/order/locked_order.h"

#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/str_cat.h"
#include "services/order/order_events.h"

namespace scaleout::order {
namespace {

constexpr PostgresStatement kLockOrder = {
    "lock_order",
    "SELECT id, user_id, state, total_minor, currency FROM orders"
    " WHERE id = $1 AND ($2::bigint IS NULL OR user_id = $2) FOR UPDATE"};

constexpr PostgresStatement kMoveOrder = {
    "move_order", "UPDATE orders SET state = $2, updated_at = now() WHERE id = $1"};

LockedOrder ToLockedOrder(const PostgresRow& row) {
  return {OrderId(row.Int64("id")),
          UserId(row.Int64("user_id")),
          row.Parsed("state", FindOrderState),
          {row.Int64("total_minor"), row.Text("currency")}};
}

constexpr PostgresStatement kFindCapturedReservation = {
    "find_captured_reservation",
    "SELECT id FROM payment_reservations WHERE order_id = $1 AND outcome = 'CAPTURED'"};

// For a client that waits for a charge to be decided.
constexpr int kRetryAfterMs = 1000;

}  // namespace

absl::StatusOr<std::optional<LockedOrder>> LockOrder(PostgresSession& session, OrderId id,
                                                     Owner owner) {
  return session.FindRow(kLockOrder, {id.value(), owner.parameter()}, ToLockedOrder);
}

absl::Status MoveOrder(PostgresSession& session, Outbox& outbox, const LockedOrder& order,
                       OrderState next) {
  if (next == order.state) return absl::OkStatus();
  const absl::Status moved =
      session.Execute(kMoveOrder, {order.id.value(), std::string(OrderStateName(next))}).status();
  if (!moved.ok()) return moved;
  std::vector<OutgoingEvent> events = {OrderChanged(order.id, order.user_id)};
  if (next == OrderState::kRefunding) {
    const absl::StatusOr<std::string> reservation = FindCapturedReservation(session, order);
    if (!reservation.ok()) return reservation.status();
    events.push_back(OrderRefundRequested(order.id, order.user_id, *reservation));
  }
  return outbox.Add(session, events);
}

absl::StatusOr<std::string> FindCapturedReservation(PostgresSession& session,
                                                    const LockedOrder& order) {
  absl::StatusOr<std::optional<std::string>> id =
      session.FindRow(kFindCapturedReservation, {order.id.value()},
                      [](const PostgresRow& row) { return row.Text("id"); });
  if (!id.ok()) return id.status();
  return (*std::move(id)).value_or("");
}

absl::Status PaymentInProgress(OrderId id) {
  return WithReason(
      absl::AbortedError(StrCat("a payment of order ", id.value(), " is in progress")),
      "PAYMENT_IN_PROGRESS", {{"retryAfterMs", std::to_string(kRetryAfterMs)}});
}

}  // namespace scaleout::order
