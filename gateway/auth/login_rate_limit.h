// How often passwords may be tried, and accounts made and renamed: what is charged before a request
// that guesses reaches the user service.
//
// A login counts against three limits: of its account from its address, of its address, of its
// account. All are checked first and charged only if all pass, so that refused guesses do not lock
// the owner out. A registration and a change of an e-mail address also say whether an account
// exists, and count against the address, together with its logins. Which address a request came
// from is in its context (client_address.h). A refusal is RESOURCE_EXHAUSTED with reason
// RATE_LIMITED and names neither the account nor the address. Loop thread only; one object serves
// all loops.
#ifndef SCALEOUT_GATEWAY_AUTH_LOGIN_RATE_LIMIT_H_
#define SCALEOUT_GATEWAY_AUTH_LOGIN_RATE_LIMIT_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/metrics.h"
#include "gateway/auth/rate_limit_config.h"
#include "gateway/auth/rate_limiter.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class LoginRateLimit {
 public:
  virtual ~LoginRateLimit() = default;
  // Before a login; `email` as the client wrote it, well-formed or not.
  virtual Task<absl::Status> ChargeLogin(RequestContext& context, std::string email) = 0;
  // Before a registration.
  virtual Task<absl::Status> ChargeRegistration(RequestContext& context) = 0;
  // Before a change of a user's e-mail address. Free for others than customers.
  virtual Task<absl::Status> ChargeEmailChange(RequestContext& context) = 0;
};

// The references outlive the object. Where every rate is off nothing is asked.
std::unique_ptr<LoginRateLimit> MakeLoginRateLimit(const LoginRates& rates, RateLimiter& limiter,
                                                   Metrics& metrics);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_LOGIN_RATE_LIMIT_H_
