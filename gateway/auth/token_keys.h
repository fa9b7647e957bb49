// The public keys that access tokens are verified with: EC keys on the curve P-256, each named by
// its RFC 7638 thumbprint (`kid`).
//
// Several, so that the signing key can change: gateways learn the new key before the first token is
// signed with it, and keep the old one until its last token has expired. A gateway holds no private
// key, and is refused one. Immutable after parsing; copies share the keys. Thread-safe.
#ifndef SCALEOUT_GATEWAY_AUTH_TOKEN_KEYS_H_
#define SCALEOUT_GATEWAY_AUTH_TOKEN_KEYS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

struct evp_pkey_st;

namespace scaleout::gateway {

// Of ES256: two numbers of 32 bytes (RFC 7518, section 3.4).
inline constexpr std::size_t kSignatureBytes = 64;

class PublicKey {
 public:
  // The SubjectPublicKeyInfo of one PEM block, markers included. INVALID_ARGUMENT with what is
  // wrong, as the end of a sentence: "is no public key".
  static absl::StatusOr<PublicKey> Parse(const std::string& pem);

  const std::string& kid() const { return kid_; }
  // The coordinates of the point, in base64url: what a JWK has (RFC 7518, section 6.2.1).
  const std::string& x() const { return x_; }
  const std::string& y() const { return y_; }

  // Whether `signature` is ES256 by this key over `text`.
  bool Verifies(std::string_view text, std::string_view signature) const;

 private:
  PublicKey() = default;

  std::shared_ptr<evp_pkey_st> key_;
  std::string kid_;
  std::string x_;
  std::string y_;
};

class TokenKeys {
 public:
  // PEM blocks one after another, blanks between them; empty: no key. INVALID_ARGUMENT that says of
  // each key what is wrong with it, without a byte of it.
  static absl::StatusOr<TokenKeys> Parse(std::string_view pems);

  // Null for an unknown one.
  const PublicKey* Find(std::string_view kid) const;
  // In the order of the text.
  const std::vector<PublicKey>& list() const { return keys_; }

 private:
  std::vector<PublicKey> keys_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_TOKEN_KEYS_H_
