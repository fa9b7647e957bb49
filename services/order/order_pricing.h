// What an order costs, by the catalog's prices of this moment. Pure.
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

// `catalog` holds the products that exist among those wanted, in any order. INVALID_ARGUMENT with
// every refused line (items[0].product_id): a product that is not there, or one that is sold in
// another currency than the first.
absl::StatusOr<PricedItems> PriceItems(const std::vector<WantedItem>& wanted,
                                       const std::vector<Product>& catalog);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_ORDER_PRICING_H_
