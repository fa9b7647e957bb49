// Orders and products as plain values: what the repositories speak and the pricing computes with.
// No I/O.
#ifndef SCALEOUT_SERVICES_ORDER_ORDER_H_
#define SCALEOUT_SERVICES_ORDER_ORDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "service/typed_id.h"
#include "services/order/order_state.h"

namespace scaleout::order {

using OrderId = TypedId<struct OrderIdTag>;
using ProductId = TypedId<struct ProductIdTag>;
// Assigned by the user service; here only a number to file orders under.
using UserId = TypedId<struct UserIdTag>;

struct Money {
  std::int64_t amount_minor = 0;
  std::string currency;
};

struct Product {
  ProductId id;
  std::string name;
  Money price;
  WallTime created_at;
};

struct OrderItem {
  ProductId product_id;
  std::string product_name;
  std::int32_t quantity = 0;
  Money unit_price;
};

struct Order {
  OrderId id;
  UserId user_id;
  OrderState state = OrderState::kPending;
  std::vector<OrderItem> items;
  Money total;
  WallTime created_at;
  WallTime updated_at;
};

// A line that somebody wants; the price is the catalog's to say.
struct WantedItem {
  ProductId product_id;
  std::int32_t quantity = 0;
};

struct NewOrder {
  UserId user_id;
  std::vector<WantedItem> items;
  std::string idempotency_key;  // empty: none
};

struct CreatedOrder {
  Order order;
  bool replayed = false;
};

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_H_
