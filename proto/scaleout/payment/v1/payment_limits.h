// The limits of the payment contract (payment.proto), for the gateway and the service.
//
// Currency codes and the greatest amount are in money_limits.h. Rules return what those of
// request_limits.h return; pure and thread-safe. The migrations of the payment service state the
// same limits as constraints, and payment_limits_test compares them.
#ifndef SCALEOUT_PROTO_SCALEOUT_PAYMENT_V1_PAYMENT_LIMITS_H_
#define SCALEOUT_PROTO_SCALEOUT_PAYMENT_V1_PAYMENT_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/scaleout/rpc/v1/request_limits.h"
#include "proto/scaleout/type/v1/money_limits.h"

namespace scaleout::payment::v1 {

// Zero cannot be charged.
inline constexpr std::int64_t kMinAmountMinor = 1;
inline constexpr std::int64_t kMaxAmountMinor = type::v1::kMaxAmountMinor;

inline constexpr std::size_t kMinPaymentMethodTokenCharacters = 1;
inline constexpr std::size_t kMaxPaymentMethodTokenCharacters = 200;

// Any text without control characters, because the provider chooses its tokens. A token that the
// provider does not have is a declined charge, not a refused field.
rpc::v1::Violation FindPaymentMethodTokenViolation(std::string_view value);

}  // namespace scaleout::payment::v1

#endif  // SCALEOUT_PROTO_SCALEOUT_PAYMENT_V1_PAYMENT_LIMITS_H_
