// What can be set about authentication: AUTH_MODE, AUTH_PUBLIC_KEYS, AUTH_ISSUER, AUTH_AUDIENCE,
// AUTH_FORGED_TOKEN_RATE. Plain values.
#ifndef SCALEOUT_GATEWAY_AUTH_AUTH_CONFIG_H_
#define SCALEOUT_GATEWAY_AUTH_AUTH_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/settings.h"
#include "gateway/auth/rate_limit.h"
#include "gateway/auth/token_keys.h"

namespace scaleout::gateway {

// What a request without a token is on a route that needs one: refused, or the lab's principal,
// which may do everything. A token is verified in both.
enum class AuthMode : std::uint8_t { kRequired, kOptional };

// "required", "optional": as the setting and /api/health have it.
std::string_view AuthModeName(AuthMode mode);

struct AuthConfig {
  AuthMode mode = AuthMode::kRequired;
  TokenKeys keys;
  // What `iss` and `aud` of a token have to be; the user service has the same.
  std::string issuer = "scaleout";
  std::string audience = "scaleout-api";
  // Tokens with a wrong signature, from an address (forged_token_limit.h).
  RateLimit forged_tokens{.requests = 100};
};

// Declares its settings. Keys that are none, and none where a token is required, are problems too.
void DeclareAuthSettings(Settings& settings, AuthConfig& config);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_AUTH_CONFIG_H_
