#include "services/user/token_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/escaping.h"
#include "common/str_cat.h"

namespace scaleout::user {
namespace {

constexpr const char* kCurve = "P-256";
// As OpenSSL calls it.
constexpr std::string_view kCurveName = "prime256v1";
// Of a coordinate, and of each half of a signature.
constexpr int kNumberBytes = 32;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Number = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

// For what fails only without memory or with a broken library.
void Require(bool holds) {
  if (!holds) std::abort();
}

// No passphrase, and no question for one at the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

std::string Contents(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  Require(size > 0);
  return {data, static_cast<std::size_t>(size)};
}

std::string ToBytes(const BIGNUM* number) {
  std::string bytes(kNumberBytes, '\0');
  Require(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), kNumberBytes) ==
          kNumberBytes);
  return bytes;
}

std::string Coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  Require(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  return absl::WebSafeBase64Escape(ToBytes(Number(number).get()));
}

// RFC 7638: the required members, in lexicographic order, without blanks.
std::string Thumbprint(EVP_PKEY* key) {
  const std::string jwk =
      StrCat(R"({"crv":"P-256","kty":"EC","x":")", Coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X),
             R"(","y":")", Coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y), R"("})");
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(jwk.data()), jwk.size(), digest.data());
  return absl::WebSafeBase64Escape({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool IsOfTheCurve(EVP_PKEY* key) {
  std::array<char, 64> name{};
  std::size_t size = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1 &&
         std::string_view(name.data(), size) == kCurveName;
}

}  // namespace

struct TokenKey::Impl {
  Key key;
};

TokenKey::TokenKey(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)), kid_(Thumbprint(impl_->key.get())) {}
TokenKey::~TokenKey() = default;
TokenKey::TokenKey(TokenKey&& other) noexcept = default;
TokenKey& TokenKey::operator=(TokenKey&& other) noexcept = default;

TokenKey TokenKey::Random() {
  Key key(EVP_EC_gen(kCurve));
  Require(key != nullptr);
  return TokenKey(std::unique_ptr<Impl>(new Impl{std::move(key)}));
}

std::optional<TokenKey> TokenKey::Parse(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Require(bio != nullptr);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  // What OpenSSL queued about it is for nothing that comes after.
  ERR_clear_error();
  if (key == nullptr || !IsOfTheCurve(key.get())) return std::nullopt;
  return TokenKey(std::unique_ptr<Impl>(new Impl{std::move(key)}));
}

std::string TokenKey::PrivatePem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  Require(bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), impl_->key.get(), nullptr,
                                                          nullptr, 0, nullptr, nullptr) == 1);
  return Contents(bio);
}

std::string TokenKey::PublicPem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  Require(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), impl_->key.get()) == 1);
  return Contents(bio);
}

std::string TokenKey::Sign(std::string_view text) const {
  const Digest digest(EVP_MD_CTX_new());
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  Require(digest != nullptr &&
          EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, impl_->key.get()) == 1 &&
          EVP_DigestSign(digest.get(), nullptr, &size, data, text.size()) == 1);
  std::string der(size, '\0');
  Require(EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(der.data()), &size, data,
                         text.size()) == 1);
  // OpenSSL answers ASN.1, and a JWT has the two numbers.
  const auto* der_data = reinterpret_cast<const unsigned char*>(der.data());
  const Signature signature(d2i_ECDSA_SIG(nullptr, &der_data, static_cast<long>(size)));
  Require(signature != nullptr);
  return ToBytes(ECDSA_SIG_get0_r(signature.get())) + ToBytes(ECDSA_SIG_get0_s(signature.get()));
}

}  // namespace scaleout::user
