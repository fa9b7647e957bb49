// The limits of the user contract (user.proto), for the gateway and the service.
//
// Rules return what those of request_limits.h return; pure and thread-safe. The migrations of the
// user service state the same limits as constraints, and user_limits_test compares them.
#ifndef SCALEOUT_PROTO_SCALEOUT_USER_V1_USER_LIMITS_H_
#define SCALEOUT_PROTO_SCALEOUT_USER_V1_USER_LIMITS_H_

#include <cstddef>
#include <string_view>

#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::user::v1 {

// The shortest is "a@b"; the longest is what a path of SMTP has room for (RFC 5321, 4.5.3.1.3, and
// erratum 1690 of RFC 3696).
inline constexpr std::size_t kMinEmailCharacters = 3;
inline constexpr std::size_t kMaxEmailCharacters = 254;

inline constexpr std::size_t kMinNameCharacters = 1;
inline constexpr std::size_t kMaxNameCharacters = 100;

// One @ with something on both sides, no blank, no control character. It refuses what cannot be an
// address and does not check that the address exists.
rpc::v1::Violation FindEmailViolation(std::string_view value);

// Any text without control characters.
rpc::v1::Violation FindNameViolation(std::string_view value);

}  // namespace scaleout::user::v1

#endif  // SCALEOUT_PROTO_SCALEOUT_USER_V1_USER_LIMITS_H_
