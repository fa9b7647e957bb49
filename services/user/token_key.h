// The key that signs access tokens: EC P-256, for ES256 (RFC 7518), by OpenSSL.
//
// Private and in this process alone; gateways have the public half. Its id (`kid`) is the
// thumbprint of RFC 7638, which each side computes by itself. Immutable and thread-safe.
#ifndef SCALEOUT_SERVICES_USER_TOKEN_KEY_H_
#define SCALEOUT_SERVICES_USER_TOKEN_KEY_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace scaleout::user {

class TokenKey {
 public:
  // A fresh one.
  static TokenKey Random();
  // Of a PEM private key without a passphrase; nothing if it is none, or not of P-256.
  static std::optional<TokenKey> Parse(std::string_view pem);

  ~TokenKey();
  TokenKey(TokenKey&& other) noexcept;
  TokenKey& operator=(TokenKey&& other) noexcept;

  // PKCS #8.
  std::string PrivatePem() const;
  // SubjectPublicKeyInfo.
  std::string PublicPem() const;
  // 43 characters of base64url.
  const std::string& kid() const { return kid_; }

  // The signature of ES256: 64 bytes, r and s.
  std::string Sign(std::string_view text) const;

 private:
  struct Impl;
  explicit TokenKey(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
  std::string kid_;
};

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_TOKEN_KEY_H_
