// The rate limits of a gateway and what they need to know, as settings.
#ifndef SCALEOUT_GATEWAY_AUTH_RATE_LIMIT_CONFIG_H_
#define SCALEOUT_GATEWAY_AUTH_RATE_LIMIT_CONFIG_H_

#include "common/settings.h"
#include "gateway/auth/client_address.h"
#include "gateway/auth/rate_limit.h"

namespace scaleout::gateway {

// Of logins, and of what else guesses (login_rate_limit.h). An account can be guessed at from many
// addresses, and from one address many accounts.
struct LoginRates {
  RateLimit per_account_and_address{.requests = 5};
  RateLimit per_address{.requests = 20};
  RateLimit per_account{.requests = 100};
};

struct RateLimitConfig {
  // Of every other request, for each principal, or address where there is no login.
  RateLimit requests;
  LoginRates login;
  TrustedProxies trusted_proxies;
};

void DeclareRateLimitSettings(Settings& settings, RateLimitConfig& config);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_RATE_LIMIT_CONFIG_H_
