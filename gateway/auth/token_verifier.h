// Verifies access tokens: JWTs (RFC 7519) in the compact form of JWS (RFC 7515), signed by the user
// service with ES256.
//
// Strict where RFC 8725 warns: one algorithm, named in the header and by the key alike, and a
// header that has exactly alg, typ and kid, so that none brings its own key or asks for what is not
// understood; no second way to write the same token; no member twice; claims of exactly the
// expected types. Claims that are not known are ignored. Which check failed is not said, only
// whether a token of ours has expired. A verification costs a signature check, about 0.1 ms; what
// it gives may be remembered until `expires` (token_memory.h). Thread-safe.
#ifndef SCALEOUT_GATEWAY_AUTH_TOKEN_VERIFIER_H_
#define SCALEOUT_GATEWAY_AUTH_TOKEN_VERIFIER_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "gateway/auth/token_keys.h"
#include "gateway/auth/verified_token.h"

namespace scaleout::gateway {

// Ours have about 400.
inline constexpr std::size_t kMaxTokenBytes = 2048;

// How far this machine's clock and the database's, which tokens are dated by, may differ.
inline constexpr std::chrono::seconds kTokenLeeway{30};

// From iat to exp. With the leeway it stays within the 16 minutes for which ended sessions are
// listed: no token outlives the knowledge that it was revoked.
inline constexpr std::chrono::minutes kMaxTokenLifetime{15};

class TokenVerifier {
 public:
  // Takes tokens of this issuer that are for this audience. `clock` outlives the verifier.
  TokenVerifier(TokenKeys keys, std::string issuer, std::string audience, const Clock& clock);

  // InvalidToken() or ExpiredToken() (auth_refusal.h). `forged`, if it is not null, becomes true
  // where a signature was checked and is not ours.
  absl::StatusOr<VerifiedToken> Verify(std::string_view token, bool* forged = nullptr) const;

 private:
  absl::StatusOr<VerifiedToken> ReadClaims(std::string claims) const;

  const TokenKeys keys_;
  const std::string issuer_;
  const std::string audience_;
  const Clock& clock_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_TOKEN_VERIFIER_H_
