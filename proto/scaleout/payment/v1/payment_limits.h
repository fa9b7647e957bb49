// The limits of the payment contract (payment.proto), for the gateway and the service alike.
//
// Currency codes and the greatest amount are money_limits.h's. Rules answer as those of
// request_limits.h do; pure and thread-safe. What the migrations of the payment service check is
// the same again, in the database's own words.
#ifndef SCALEOUT_PROTO_SCALEOUT_PAYMENT_V1_PAYMENT_LIMITS_H_
#define SCALEOUT_PROTO_SCALEOUT_PAYMENT_V1_PAYMENT_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/scaleout/rpc/v1/request_limits.h"
#include "proto/scaleout/type/v1/money_limits.h"

namespace scaleout::payment::v1 {

// A charge of nothing is no charge.
inline constexpr std::int64_t kMinAmountMinor = 1;
inline constexpr std::int64_t kMaxAmountMinor = type::v1::kMaxAmountMinor;

inline constexpr std::size_t kMinPaymentMethodTokenCharacters = 1;
inline constexpr std::size_t kMaxPaymentMethodTokenCharacters = 200;

// The provider's own word, hence any text without control characters. A token that the provider
// does not know is a declined charge, not a refused field.
rpc::v1::Violation FindPaymentMethodTokenViolation(std::string_view value);

}  // namespace scaleout::payment::v1

#endif  // SCALEOUT_PROTO_SCALEOUT_PAYMENT_V1_PAYMENT_LIMITS_H_
