// Orders in memory, for tests of what works over the repository; records the last request. Used by
// one thread.
#ifndef SCALEOUT_TESTS_SERVICES_ORDER_FAKE_ORDERS_H_
#define SCALEOUT_TESTS_SERVICES_ORDER_FAKE_ORDERS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "proto/scaleout/order/v1/order_limits.h"
#include "services/order/order_repository.h"

namespace scaleout::order {

class FakeOrders final : public OrderRepository {
 public:
  absl::StatusOr<Order> Create(PostgresSession&, const NewOrder& order) override {
    created = order;
    if (!failure.ok()) return failure;
    return Add(order.user_id.value());
  }
  absl::StatusOr<Order> Get(const CallContext&, OrderId id, Owner owner) override {
    const std::optional<Order> found = Find({id, owner});
    if (!found) return NoSuchOrder(id);
    return *found;
  }
  absl::StatusOr<std::vector<std::optional<Order>>> FindMany(
      const CallContext&, const std::vector<OwnedId<OrderId>>& keys) override {
    ++batches;
    asked = keys;
    std::vector<std::optional<Order>> found;
    for (const OwnedId<OrderId>& key : keys) found.push_back(Find(key));
    return found;
  }
  absl::StatusOr<std::vector<Order>> List(const CallContext&, std::optional<UserId> user_id,
                                          std::optional<OrderId> before, int limit) override {
    std::vector<Order> result;
    for (auto order = orders.rbegin(); order != orders.rend(); ++order) {
      if (user_id && order->user_id != *user_id) continue;
      if (before && order->id >= *before) continue;
      if (static_cast<int>(result.size()) < limit) result.push_back(*order);
    }
    return result;
  }
  absl::StatusOr<OrdersOfUsers> ListOfUsers(const CallContext& call,
                                            const std::vector<UserId>& user_ids, int limit,
                                            int max_lines) override {
    ++batches;
    EXPECT_EQ(max_lines, v1::kMaxBatchLines);
    OrdersOfUsers result{{}, std::min(user_ids.size(), users_that_fit)};
    for (std::size_t i = 0; i < result.complete_users; ++i) {
      const auto orders_of_user = List(call, user_ids[i], std::nullopt, limit);
      result.orders.insert(result.orders.end(), orders_of_user->begin(), orders_of_user->end());
    }
    return result;
  }
  absl::StatusOr<Order> CallOff(const CallContext& call, OrderId id, Owner owner) override {
    called_off.push_back(id);
    if (!failure.ok()) return failure;
    return Get(call, id, owner);
  }

  Order Add(std::int64_t user_id, OrderState state = OrderState::kPending) {
    Order order;
    order.id = OrderId(static_cast<std::int64_t>(orders.size()) + 1);
    order.user_id = UserId(user_id);
    order.state = state;
    order.items.push_back({ProductId(1), "Lamp", 2, {1999, "EUR"}});
    order.total = {3998, "EUR"};
    order.created_at = WallTime(std::chrono::seconds(1'700'000'000));
    order.updated_at = order.created_at;
    orders.push_back(order);
    return order;
  }

  std::optional<Order> Find(const OwnedId<OrderId>& key) const {
    for (const Order& order : orders) {
      if (order.id == key.id && key.owner.Covers(order.user_id.value())) return order;
    }
    return std::nullopt;
  }

  std::vector<Order> orders;
  std::vector<OwnedId<OrderId>> asked;  // of the last batch
  NewOrder created;
  absl::Status failure;
  std::vector<OrderId> called_off;
  int batches = 0;
  std::size_t users_that_fit = 100;  // of those of a batch
};

}  // namespace scaleout::order

#endif  // SCALEOUT_TESTS_SERVICES_ORDER_FAKE_ORDERS_H_
