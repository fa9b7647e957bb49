// Signs access tokens as the user service does, and as it never would: with a fresh key, any header
// and any claims. Without a database or a service.
#ifndef SCALEOUT_TESTS_SUPPORT_TOKEN_SIGNER_H_
#define SCALEOUT_TESTS_SUPPORT_TOKEN_SIGNER_H_

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "gateway/auth/base64url.h"
#include "gateway/auth/token_keys.h"

namespace scaleout::testing {

// What a valid token says, as JSON. Fields are as they are written: a test changes one.
struct TokenClaims {
  explicit TokenClaims(WallTime now)
      : iat(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count()),
        exp(iat + 15 * 60) {}

  std::string ToJson() const {
    return R"({"iss":")" + iss + R"(","aud":")" + aud + R"(","sub":")" + sub + R"(","sid":")" +
           sid + R"(","role":")" + role + R"(","iat":)" + std::to_string(iat) + R"(,"exp":)" +
           std::to_string(exp) + "}";
  }

  std::string iss = "scaleout";
  std::string aud = "scaleout-api";
  std::string sub = "7";
  std::string sid = "0123456789abcdef0123456789abcdef";
  std::string role = "customer";
  std::int64_t iat;
  std::int64_t exp;
};

class TokenSigner {
 public:
  // A key of its own, of the named curve.
  explicit TokenSigner(const char* curve = "P-256") : key_(EVP_EC_gen(curve), &EVP_PKEY_free) {
    if (key_ == nullptr) std::abort();
  }

  std::string PublicPem() const {
    return Written([this](BIO* out) { return PEM_write_bio_PUBKEY(out, key_.get()); });
  }
  std::string PrivatePem() const {
    return Written([this](BIO* out) {
      return PEM_write_bio_PKCS8PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  // Of a P-256 key.
  std::string Kid() const { return gateway::PublicKey::Parse(PublicPem())->kid(); }
  std::string Header() const { return R"({"alg":"ES256","typ":"JWT","kid":")" + Kid() + "\"}"; }

  std::string Sign(const TokenClaims& claims) const { return Sign(Header(), claims.ToJson()); }
  std::string Sign(std::string_view header, std::string_view claims) const {
    const std::string text =
        gateway::EncodeBase64Url(header) + "." + gateway::EncodeBase64Url(claims);
    return text + "." + gateway::EncodeBase64Url(SignatureOf(text));
  }
  // The 64 bytes of ES256 over `text`.
  std::string SignatureOf(std::string_view text) const {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> digest(EVP_MD_CTX_new(),
                                                                    &EVP_MD_CTX_free);
    unsigned char der[256];
    std::size_t size = sizeof(der);
    if (EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
        EVP_DigestSign(digest.get(), der, &size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1) {
      std::abort();
    }
    const unsigned char* at = der;
    ECDSA_SIG* const pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size));
    std::string raw(gateway::kSignatureBytes, '\0');
    auto* const bytes = reinterpret_cast<unsigned char*>(raw.data());
    constexpr int kHalf = gateway::kSignatureBytes / 2;
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, kHalf);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + kHalf, kHalf);
    ECDSA_SIG_free(pair);
    return raw;
  }

 private:
  template <typename Write>
  static std::string Written(Write write) {
    BIO* const out = BIO_new(BIO_s_mem());
    if (out == nullptr || write(out) != 1) std::abort();
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(out);
    return pem;
  }

  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_TOKEN_SIGNER_H_
