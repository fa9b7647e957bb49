// What holds for every amount of money (money.proto): its bound and what a currency code looks
// like.
//
// Where a contract says more of an amount (a payment is more than zero) its own header does. Rules
// answer as those of request_limits.h do; pure and thread-safe.
#ifndef SCALEOUT_PROTO_SCALEOUT_TYPE_V1_MONEY_LIMITS_H_
#define SCALEOUT_PROTO_SCALEOUT_TYPE_V1_MONEY_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace scaleout::type::v1 {

// In the currency's minor unit. Amounts are JSON numbers; beyond this a double loses minor units.
inline constexpr std::int64_t kMaxAmountMinor = (std::int64_t{1} << 53) - 1;
inline constexpr std::size_t kCurrencyCodeCharacters = 3;

// Three upper-case letters, as ISO 4217 has them. Which currencies exist is not looked up.
std::optional<std::string> FindCurrencyCodeViolation(std::string_view value);

}  // namespace scaleout::type::v1

#endif  // SCALEOUT_PROTO_SCALEOUT_TYPE_V1_MONEY_LIMITS_H_
