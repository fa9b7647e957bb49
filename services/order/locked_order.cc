#include "services/order/locked_order.h"

#include <string>

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
  return outbox.Add(session, {OrderChanged(order.id, order.user_id)});
}

}  // namespace scaleout::order
