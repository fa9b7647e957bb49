// /api/auth: registration, logins, tokens over HTTP.
//
// Passwords and tokens come in bodies and leave in answers that no cache may keep; neither is in a
// problem or a log line. A registration or a login is charged to its rate limits before the user
// service is asked, and is answered 401 /problems/invalid-credentials for an unknown address and a
// wrong password alike. No request here takes an idempotency key, because a stored answer would
// keep tokens. Stateless apart from what is injected, which outlives it; shared by all loops.
#ifndef SCALEOUT_GATEWAY_HANDLERS_AUTH_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_AUTH_HANDLERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "gateway/auth/login_rate_limit.h"
#include "gateway/auth/token_keys.h"
#include "gateway/backends/auth_backend.h"
#include "gateway/backends/user_backend.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class AuthHandlers {
 public:
  AuthHandlers(AuthBackend& auth, UserBackend& users, LoginRateLimit& rates, const TokenKeys& keys);

  // 201 with the new user, who is not logged in yet.
  Task<absl::StatusOr<Response>> Register(RequestContext& context, const Request& request);
  // 200 with an access token and a refresh token.
  Task<absl::StatusOr<Response>> Login(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Refresh(RequestContext& context, const Request& request);
  // 204 once the session of the access token has ended. 401 for the lab, which has none.
  Task<absl::StatusOr<Response>> Logout(RequestContext& context, const Request& request);
  // The user of the access token; for the lab's principal, that it is that.
  Task<absl::StatusOr<Response>> Me(RequestContext& context, const Request& request);
  // The public keys of access tokens, as a JWK set (RFC 7517).
  Task<absl::StatusOr<Response>> Keys(RequestContext& context, const Request& request);

 private:
  Task<absl::StatusOr<Response>> RegisterCharged(RequestContext& context,
                                                 user::v1::RegisterRequest ask);
  Task<absl::StatusOr<Response>> LoginCharged(RequestContext& context, user::v1::LoginRequest ask);

  AuthBackend& auth_;
  UserBackend& users_;
  LoginRateLimit& rates_;
  const std::string key_set_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_AUTH_HANDLERS_H_
