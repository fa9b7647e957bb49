// The limits of the product contract (product.proto), for the gateway and the service.
//
// No RPC writes products yet: these are what readers can rely on. The migrations of the order
// service state the same limits as constraints, and product_limits_test compares them.
#ifndef SCALEOUT_PROTO_SCALEOUT_ORDER_V1_PRODUCT_LIMITS_H_
#define SCALEOUT_PROTO_SCALEOUT_ORDER_V1_PRODUCT_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace scaleout::order::v1 {

inline constexpr std::size_t kMinProductNameCharacters = 1;
inline constexpr std::size_t kMaxProductNameCharacters = 200;

// Of one piece, in the currency's minor unit.
inline constexpr std::int64_t kMaxPriceMinor = 100'000'000'000;

}  // namespace scaleout::order::v1

#endif  // SCALEOUT_PROTO_SCALEOUT_ORDER_V1_PRODUCT_LIMITS_H_
