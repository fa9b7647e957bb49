// Makes access tokens: JWTs (RFC 7519) signed with ES256, which gateways verify without asking.
//
// The header is exactly {"alg":"ES256","typ":"JWT","kid":...}; the claims are iss, aud, sub, sid,
// role, iat and exp. The times are the database's, of the transaction that has seen the session
// alive. Thread-safe.
#ifndef SCALEOUT_SERVICES_USER_TOKEN_SIGNER_H_
#define SCALEOUT_SERVICES_USER_TOKEN_SIGNER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/principal.h"
#include "services/user/session_id.h"
#include "services/user/token_key.h"
#include "services/user/user_repository.h"

namespace scaleout::user {

// What differs from token to token.
struct AccessClaims {
  SessionId session;
  UserId user;
  Role role = Role::kNone;
  std::int64_t issued_at = 0;  // seconds since 1970
};

class TokenSigner {
 public:
  // `issuer` and `audience` go into JSON as they are (IsPlainClaim). `key` must outlive it.
  TokenSigner(const TokenKey& key, std::string_view issuer, std::string_view audience);

  // Valid for v1::kAccessTokenTime.
  std::string Sign(const AccessClaims& claims) const;

 private:
  const TokenKey& key_;
  const std::string header_;  // encoded, with the dot after it
  const std::string prefix_;  // of the claims: those that are always the same
};

// Whether a text may be an issuer or an audience: 1 to 200 graphic ASCII characters, neither a
// quote nor a backslash.
bool IsPlainClaim(std::string_view text);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_TOKEN_SIGNER_H_
