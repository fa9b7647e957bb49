// What each RPC of scaleout.user.v1.AuthService does: validate, hash, ask the repositories, sign.
// No SQL and no gRPC.
//
// An unknown address and a wrong password take the same work and get the same answer. What ends a
// session is answered once the gateways know of it (revocations.h). Register and Login wait for a
// password's hash, so they have workers of their own (auth_rpc.h). Passwords, tokens and addresses
// are in no status and no log line. Thread-safe if what it is made of is.
#ifndef SCALEOUT_SERVICES_USER_AUTH_SERVICE_H_
#define SCALEOUT_SERVICES_USER_AUTH_SERVICE_H_

#include <string_view>

#include "absl/status/status.h"
#include "common/call_context.h"
#include "scaleout/user/v1/auth.pb.h"
#include "services/user/credential_repository.h"
#include "services/user/password_hasher.h"
#include "services/user/revocations.h"
#include "services/user/session_repository.h"
#include "services/user/token_signer.h"

namespace scaleout::user {

// Reasons of its statuses: UNAUTHENTICATED, and UNIMPLEMENTED where the service has no key to sign
// with (AUTH_SIGNING_KEY), which no client can mend. The service warns of such a call, because it
// is a wrong configuration; to the gateway's breaker it is no failure.
inline constexpr std::string_view kReasonInvalidCredentials = "INVALID_CREDENTIALS";
inline constexpr std::string_view kReasonInvalidRefreshToken = "INVALID_REFRESH_TOKEN";
inline constexpr std::string_view kReasonLoginNotConfigured = "LOGIN_NOT_CONFIGURED";

class AuthService {
 public:
  // All must outlive the service. `signer`: none without a key.
  AuthService(CredentialRepository& credentials, SessionRepository& sessions,
              PasswordHasher& hasher, const TokenSigner* signer, Revocations& revocations)
      : credentials_(credentials),
        sessions_(sessions),
        hasher_(hasher),
        signer_(signer),
        revocations_(revocations) {}

  absl::Status Register(const CallContext& call, const v1::RegisterRequest& request,
                        v1::RegisterResponse& response);
  absl::Status Login(const CallContext& call, const v1::LoginRequest& request,
                     v1::LoginResponse& response);
  absl::Status Refresh(const CallContext& call, const v1::RefreshRequest& request,
                       v1::RefreshResponse& response);
  absl::Status Logout(const CallContext& call, const v1::LogoutRequest& request,
                      v1::LogoutResponse& response);
  absl::Status CheckSessions(const CallContext& call, const v1::CheckSessionsRequest& request,
                             v1::CheckSessionsResponse& response);
  absl::Status ListRevocations(const CallContext& call, const v1::ListRevocationsRequest& request,
                               v1::ListRevocationsResponse& response);

 private:
  void Fill(const AccessClaims& claims, const RefreshToken& refresh, v1::Tokens& tokens) const;

  CredentialRepository& credentials_;
  SessionRepository& sessions_;
  PasswordHasher& hasher_;
  const TokenSigner* const signer_;
  Revocations& revocations_;
};

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_AUTH_SERVICE_H_
