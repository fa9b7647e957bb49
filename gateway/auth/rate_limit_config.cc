#include "gateway/auth/rate_limit_config.h"

namespace scaleout::gateway {

void DeclareRateLimitSettings(Settings& settings, RateLimitConfig& config) {
  settings.Group("Rate limits, over all gateways (redis-state)");
  DeclareRateLimit(
      settings, "RATE_LIMIT", config.requests,
      "requests of a user, or of an address without a login: so many at once, and then "
      "at that rate; 100/s, 5/min or 1000/h, 0 for no limit");
  DeclareRateLimit(settings, "LOGIN_RATE_PER_ACCOUNT_AND_ADDRESS",
                   config.login.per_account_and_address,
                   "logins to an account from an address, right or wrong; 0 for no limit");
  DeclareRateLimit(settings, "LOGIN_RATE_PER_ADDRESS", config.login.per_address,
                   "logins, registrations and changes of an e-mail address from an address; 0 for "
                   "no limit");
  DeclareRateLimit(settings, "LOGIN_RATE_PER_ACCOUNT", config.login.per_account,
                   "logins to an account from anywhere; 0 for no limit");
  DeclareTrustedProxies(settings, config.trusted_proxies);
}

}  // namespace scaleout::gateway
