// Orders and products as plain values: what the repositories return and the pricing computes with.
//
// Ids are distinct types, so that an order's id cannot be passed as a user's. Amounts are integers
// in the currency's minor unit, times are UTC. The limits of the fields are those of the contract
// (proto/scaleout/order/v1/*_limits.h); the services check them, these structs do not. No I/O.
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
// Assigned by the user service, which this service does not ask: an order may name a user that does
// not exist.
using UserId = TypedId<struct UserIdTag>;

// In the currency's minor unit: 19.99 EUR is {1999, "EUR"}.
struct Money {
  std::int64_t amount_minor = 0;
  std::string currency;  // ISO 4217

  friend bool operator==(const Money&, const Money&) = default;
};

// What the catalog offers, at its price of now.
struct Product {
  ProductId id;
  std::string name;
  Money price;
  WallTime created_at;
};

// One line of an order. Name and price are copies, made when the order was created.
struct OrderItem {
  ProductId product_id;
  std::string product_name;
  std::int32_t quantity = 0;
  Money unit_price;  // of one piece
};

struct Order {
  OrderId id;
  UserId user_id;
  OrderState state = OrderState::kPending;
  std::vector<OrderItem> items;  // in the order in which they were requested
  Money total;                   // the sum over the items
  WallTime created_at;
  WallTime updated_at;
};

// A requested line; the repository takes the price from the catalog.
struct WantedItem {
  ProductId product_id;
  std::int32_t quantity = 0;
};

struct NewOrder {
  UserId user_id;
  std::vector<WantedItem> items;
};

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_H_
