// The limits of every amount of money (money.proto): its greatest value, and the form of a currency
// code.
//
// A contract that limits an amount further (a payment is more than zero) does so in its own header.
// Rules return what those of request_limits.h return; pure and thread-safe.
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
