#include "gateway/cache/cache_names.h"

#include "common/str_cat.h"

namespace scaleout::gateway {

std::string UserToken(std::int64_t user_id) { return StrCat("user:", user_id); }
std::string ProductToken(std::int64_t product_id) { return StrCat("product:", product_id); }
std::string OrderToken(std::int64_t order_id) { return StrCat("order:", order_id); }
std::string PaymentToken(std::int64_t payment_id) { return StrCat("payment:", payment_id); }
std::string OrdersOfToken(std::int64_t user_id) { return StrCat("orders-of:", user_id); }
std::string PaymentsOfToken(std::int64_t user_id) { return StrCat("payments-of:", user_id); }

std::string PrincipalName(const Principal& principal) {
  if (principal.lab) return "lab";
  switch (principal.role) {
    case Role::kCustomer:
      return StrCat("u", principal.user_id);
    case Role::kAdmin:
      return StrCat("a", principal.user_id);
    case Role::kNone:
      break;
  }
  return "none";
}

}  // namespace scaleout::gateway
