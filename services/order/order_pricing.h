// What an order costs: the sum over its lines, at the prices of the catalog.
//
// All lines must have one currency, because an order has one total. The contract's limits
// (order_limits.h, product_limits.h) keep the sum below 2^53. Pure.
#ifndef SCALEOUT_SERVICES_ORDER_ORDER_PRICING_H_
#define SCALEOUT_SERVICES_ORDER_ORDER_PRICING_H_

#include <vector>

#include "absl/status/statusor.h"
#include "services/order/order.h"

namespace scaleout::order {

struct PricedItems {
  std::vector<OrderItem> items;
  Money total;
};

// Prices the lines in their order. `catalog` holds those of the requested products that exist, in
// any order. INVALID_ARGUMENT with every refused line (items[0].product_id): a product that does
// not exist, or one whose currency differs from the first line's.
absl::StatusOr<PricedItems> PriceItems(const std::vector<WantedItem>& wanted,
                                       const std::vector<Product>& catalog);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_PRICING_H_
