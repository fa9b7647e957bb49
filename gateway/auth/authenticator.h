// Says on whose behalf a request is made, and whether its route is for that principal: what the
// pipeline asks once a route is found and before the body is read.
//
// A request without a token costs a look at its headers and no coroutine. A token is verified
// wherever it is sent, on public routes too: a client that thinks it is logged in learns that it is
// not. Then its session has to be alive, and where that cannot be found out the request is refused
// (503): never open. An address that sends too many forged tokens is refused (429) before another
// signature is checked. One authenticator for each loop, with the loop's own memory of tokens; loop
// thread only.
#ifndef SCALEOUT_GATEWAY_AUTH_AUTHENTICATOR_H_
#define SCALEOUT_GATEWAY_AUTH_AUTHENTICATOR_H_

#include <span>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/auth/access.h"
#include "gateway/auth/auth_config.h"
#include "gateway/auth/auth_metrics.h"
#include "gateway/auth/forged_token_limit.h"
#include "gateway/auth/session_view.h"
#include "gateway/auth/token_memory.h"
#include "gateway/auth/token_verifier.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// What the authenticators of all loops share; it outlives them.
struct AuthParts {
  AuthMode mode;
  const TokenVerifier& verifier;
  SessionView& sessions;
  AuthMetrics& metrics;
  ForgedTokenLimit* forged = nullptr;  // null: any number
};

// The token of the request with these headers (name, value): that of the one Authorization header
// with the scheme Bearer (RFC 6750, section 2.1); empty without such a header. Unauthenticated for
// two of them, for another scheme and for no token after it.
absl::StatusOr<std::string_view> FindBearerToken(
    std::span<const std::pair<std::string_view, std::string_view>> headers);

class Authenticator {
 public:
  explicit Authenticator(const AuthParts& parts) : parts_(parts) {}

  // The same, for a route; kInternal ones take no token.
  absl::StatusOr<std::string_view> FindToken(
      Access access, std::span<const std::pair<std::string_view, std::string_view>> headers);

  // For a request without a token: sets context.principal, or refuses.
  absl::Status AdmitWithoutToken(RequestContext& context, Access access);
  // For one with a token: the same, with the verified token's principal and its session's id. What
  // is referred to outlives the task.
  Task<absl::Status> AdmitToken(RequestContext& context, Access access, std::string_view token);

 private:
  absl::StatusOr<VerifiedToken> Verify(RequestContext& context, std::string_view token);
  absl::Status Refuse(absl::Status refusal);

  const AuthParts parts_;
  TokenMemory memory_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_AUTHENTICATOR_H_
