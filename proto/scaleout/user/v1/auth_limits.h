// The limits of logins, sessions and tokens (auth.proto), for the gateway and the service.
//
// Rules return what those of request_limits.h return; pure and thread-safe. No violation has any
// part of the value, which is a secret in most cases.
#ifndef SCALEOUT_PROTO_SCALEOUT_USER_V1_AUTH_LIMITS_H_
#define SCALEOUT_PROTO_SCALEOUT_USER_V1_AUTH_LIMITS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::user::v1 {

// Of a password, in bytes: what argon2id reads of it costs time.
inline constexpr std::size_t kMinPasswordBytes = 12;
inline constexpr std::size_t kMaxPasswordBytes = 200;

// Hexadecimal, lower case: 128 random bits.
inline constexpr std::size_t kSessionIdCharacters = 32;

// "<session id>.<43 random characters of base64url>".
inline constexpr std::size_t kRefreshTokenCharacters = kSessionIdCharacters + 1 + 43;

// How long an access token is valid, and a refresh token.
inline constexpr std::chrono::minutes kAccessTokenTime{15};
inline constexpr std::chrono::hours kRefreshTokenTime{24 * 30};
// A rotated refresh token is accepted once more for so long.
inline constexpr std::chrono::seconds kRefreshGrace{10};
// For how long a session's end has to be remembered: no token of it is valid any more, not by any
// clock.
inline constexpr std::chrono::minutes kRevocationTime{16};

// Of ListRevocations, in sessions.
inline constexpr std::int32_t kDefaultRevocationsPage = 1'000;
inline constexpr std::int32_t kMaxRevocationsPage = 10'000;

// For a new password.
rpc::v1::Violation FindPasswordViolation(std::string_view value);

// For a password that is to be compared: not empty, and no longer than a password can be.
rpc::v1::Violation FindLoginPasswordViolation(std::string_view value);

rpc::v1::Violation FindSessionIdViolation(std::string_view value);

}  // namespace scaleout::user::v1

#endif  // SCALEOUT_PROTO_SCALEOUT_USER_V1_AUTH_LIMITS_H_
