#include "services/order/order_pricing.h"

#include <map>
#include <string>

#include "common/str_cat.h"
#include "proto/scaleout/order/v1/order_limits.h"
#include "proto/scaleout/order/v1/product_limits.h"
#include "proto/scaleout/type/v1/money_limits.h"
#include "service/field_checks.h"

namespace scaleout::order {

absl::StatusOr<PricedItems> PriceItems(const std::vector<WantedItem>& wanted,
                                       const std::vector<Product>& catalog) {
  std::map<ProductId, const Product*> by_id;
  for (const Product& product : catalog) by_id[product.id] = &product;
  FieldChecks checks;
  PricedItems priced;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string field = StrCat("items[", i, "].product_id");
    const auto found = by_id.find(wanted[i].product_id);
    if (found == by_id.end()) {
      checks.Require(false, field, StrCat("there is no product ", wanted[i].product_id.value()));
      continue;
    }
    const Product& product = *found->second;
    if (priced.total.currency.empty()) priced.total.currency = product.price.currency;
    checks.Require(product.price.currency == priced.total.currency, field,
                   "is sold in another currency than the lines before it");
    // The contract's limits keep the sum in range.
    static_assert(v1::kMaxItems * v1::kMaxQuantity * v1::kMaxPriceMinor <=
                  type::v1::kMaxAmountMinor);
    priced.total.amount_minor += product.price.amount_minor * wanted[i].quantity;
    priced.items.push_back({product.id, product.name, wanted[i].quantity, product.price});
  }
  if (!checks.ok()) return checks.Check();
  return priced;
}

}  // namespace scaleout::order
