// The names of the cache's tokens: of entities, and of collections of them. A reader names what it
// depends on, a write and an owner's event what they may have changed. And those of principals, in
// the keys of values that are not public. Pure functions.
#ifndef SCALEOUT_GATEWAY_CACHE_CACHE_NAMES_H_
#define SCALEOUT_GATEWAY_CACHE_CACHE_NAMES_H_

#include <cstdint>
#include <string>

#include "common/principal.h"

namespace scaleout::gateway {

std::string UserToken(std::int64_t user_id);
std::string ProductToken(std::int64_t product_id);
std::string OrderToken(std::int64_t order_id);
std::string PaymentToken(std::int64_t payment_id);

// A user's list of orders has two tokens: its own, and that of all such lists, for a write whose
// user is not known.
std::string OrdersOfToken(std::int64_t user_id);
inline constexpr char kOrderListsToken[] = "order-lists";
inline constexpr char kProductListsToken[] = "product-lists";
std::string PaymentsOfToken(std::int64_t user_id);

// Short, and different for principals that differ: "u7" (a customer), "a7" (an admin), "lab", and
// "none".
std::string PrincipalName(const Principal& principal);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CACHE_CACHE_NAMES_H_
