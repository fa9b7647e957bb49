// The orders' tables, as plain structs. All of their SQL is in the .cc.
//
// Every method takes the call on whose behalf it works and returns its statuses, and the pool's:
// UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED. A write is one transaction, or a part of its caller's:
// it is committed as a whole, with its events (order_events.h), or not at all. Implementations are
// thread-safe.
#ifndef SCALEOUT_SERVICES_ORDER_ORDER_REPOSITORY_H_
#define SCALEOUT_SERVICES_ORDER_ORDER_REPOSITORY_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "service/principal.h"
#include "services/order/order.h"

namespace scaleout {
class Outbox;
class PostgresPool;
class PostgresSession;
}  // namespace scaleout

namespace scaleout::order {

// The orders of several users, as far as they were loaded.
struct OrdersOfUsers {
  std::vector<Order> orders;
  // How many of the users, from the first, have all of theirs in `orders`; the others have none.
  std::size_t complete_users = 0;
};

// What is answered for the id of an order that does not exist: NOT_FOUND.
absl::Status NoSuchOrder(OrderId id);

class OrderRepository {
 public:
  virtual ~OrderRepository() = default;

  // Takes the prices, writes the order and its lines, in the caller's transaction. INVALID_ARGUMENT
  // as PriceItems has it.
  virtual absl::StatusOr<Order> Create(PostgresSession& session, const NewOrder& order) = 0;
  // NOT_FOUND, also for another owner's.
  virtual absl::StatusOr<Order> Get(const CallContext& call, OrderId id, Owner owner) = 0;
  // For each key the order, if there is one of that owner; one statement.
  virtual absl::StatusOr<std::vector<std::optional<Order>>> FindMany(
      const CallContext& call, const std::vector<OwnedId<OrderId>>& keys) = 0;
  // Newest first, of one user or of all, from below `before` (none: from the newest), at most
  // `limit`.
  virtual absl::StatusOr<std::vector<Order>> List(const CallContext& call,
                                                  std::optional<UserId> user_id,
                                                  std::optional<OrderId> before, int limit) = 0;
  // Of each user the newest `limit`, newest first; the users in the order of `user_ids`, in which
  // each occurs once, as many as have `max_lines` lines together. One statement, and a second one
  // if they have more lines.
  virtual absl::StatusOr<OrdersOfUsers> ListOfUsers(const CallContext& call,
                                                    const std::vector<UserId>& user_ids, int limit,
                                                    int max_lines) = 0;
  // Calls the order off, as order_state.h has it, under the lock of its row. NOT_FOUND, also for
  // another owner's; ABORTED with PAYMENT_IN_PROGRESS while a charge is under way;
  // FAILED_PRECONDITION if it cannot be called off any more.
  virtual absl::StatusOr<Order> CallOff(const CallContext& call, OrderId id, Owner owner) = 0;
};

// `pool`, which is the outbox's too, and `outbox` must outlive the repository.
std::unique_ptr<OrderRepository> MakeOrderRepository(PostgresPool& pool, Outbox& outbox);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_REPOSITORY_H_
