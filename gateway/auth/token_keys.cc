#include "gateway/auth/token_keys.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "common/str_cat.h"
#include "gateway/auth/base64url.h"

namespace scaleout::gateway {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kDashes = "-----";
// OpenSSL's name of P-256.
constexpr std::string_view kCurve = "prime256v1";
constexpr std::size_t kCoordinateBytes = 32;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<&BIO_free>>;
using Number = std::unique_ptr<BIGNUM, Free<&BN_free>>;
using KeyCheck = std::unique_ptr<EVP_PKEY_CTX, Free<&EVP_PKEY_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Free<&EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Free<&ECDSA_SIG_free>>;

const unsigned char* BytesOf(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// For a PEM that claims to be encrypted; without it OpenSSL asks the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

bool IsOnCurve(EVP_PKEY* key) {
  std::array<char, 64> name{};
  std::size_t size = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name.data(), name.size(),
                                        &size) == 1 &&
         std::string_view(name.data(), size) == kCurve;
}

bool IsSound(EVP_PKEY* key) {
  const KeyCheck check(EVP_PKEY_CTX_new(key, nullptr));
  return check != nullptr && EVP_PKEY_public_check(check.get()) == 1;
}

// Empty if there is none.
std::string CoordinateOf(EVP_PKEY* key, const char* name) {
  BIGNUM* found = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &found) != 1) return "";
  const Number number(found);
  std::array<unsigned char, kCoordinateBytes> bytes{};
  if (BN_bn2binpad(number.get(), bytes.data(), bytes.size()) < 0) return "";
  return EncodeBase64Url(
      std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

// RFC 7638: the required members of the JWK, in their order, without a blank.
std::string ThumbprintOf(std::string_view x, std::string_view y) {
  const std::string jwk = StrCat(R"({"crv":"P-256","kty":"EC","x":")", x, R"(","y":")", y, "\"}");
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  if (EVP_Digest(jwk.data(), jwk.size(), hash.data(), &size, EVP_sha256(), nullptr) != 1) return "";
  return EncodeBase64Url(std::string_view(reinterpret_cast<const char*>(hash.data()), size));
}

// The next PEM block of `rest`, which loses it; nothing, and an empty rest, where none begins or
// ends.
std::optional<std::string_view> TakeBlock(std::string_view& rest) {
  const std::string_view all = std::exchange(rest, {});
  if (!all.starts_with(kBegin)) return std::nullopt;
  const std::size_t end_of_label = all.find(kDashes, kBegin.size());
  if (end_of_label == std::string_view::npos) return std::nullopt;
  const std::string_view label = all.substr(kBegin.size(), end_of_label - kBegin.size());
  const std::string end_line = StrCat("-----END ", label, kDashes);
  const std::size_t end = all.find(end_line);
  if (end == std::string_view::npos) return std::nullopt;
  rest = all.substr(end + end_line.size());
  return all.substr(0, end + end_line.size());
}

std::string_view SkipBlanks(std::string_view text) {
  const auto first = std::ranges::find_if_not(
      text, [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); });
  return text.substr(static_cast<std::size_t>(first - text.begin()));
}

}  // namespace

absl::StatusOr<PublicKey> PublicKey::Parse(const std::string& pem) {
  const std::size_t first_line = pem.find('\n');
  if (pem.substr(0, first_line).find("PRIVATE") != std::string::npos) {
    return absl::InvalidArgumentError("is a private key");
  }
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  PublicKey parsed;
  parsed.key_.reset(
      bio == nullptr ? nullptr : PEM_read_bio_PUBKEY(bio.get(), nullptr, &NoPassword, nullptr),
      &EVP_PKEY_free);
  ERR_clear_error();
  EVP_PKEY* const key = parsed.key_.get();
  if (key == nullptr) return absl::InvalidArgumentError("is no public key");
  if (!IsOnCurve(key)) return absl::InvalidArgumentError("is not of the curve P-256");
  if (!IsSound(key)) return absl::InvalidArgumentError("is no point of its curve");
  parsed.x_ = CoordinateOf(key, OSSL_PKEY_PARAM_EC_PUB_X);
  parsed.y_ = CoordinateOf(key, OSSL_PKEY_PARAM_EC_PUB_Y);
  parsed.kid_ = ThumbprintOf(parsed.x_, parsed.y_);
  return parsed;
}

// OpenSSL takes signatures as DER, tokens have the two numbers side by side.
bool PublicKey::Verifies(std::string_view text, std::string_view signature) const {
  if (signature.size() != kSignatureBytes) return false;
  const unsigned char* const bytes = BytesOf(signature);
  Number r(BN_bin2bn(bytes, kCoordinateBytes, nullptr));
  Number s(BN_bin2bn(bytes + kCoordinateBytes, kCoordinateBytes, nullptr));
  const Signature pair(ECDSA_SIG_new());
  if (r == nullptr || s == nullptr || pair == nullptr) return false;
  if (ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return false;
  (void)r.release();
  (void)s.release();
  // Two numbers of at most 33 bytes, with their tags and lengths.
  std::array<unsigned char, kSignatureBytes + 16> der{};
  unsigned char* end = der.data();
  const int size = i2d_ECDSA_SIG(pair.get(), &end);
  const Digest digest(EVP_MD_CTX_new());
  const bool valid =
      size > 0 && digest != nullptr &&
      EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(digest.get(), der.data(), static_cast<std::size_t>(size), BytesOf(text),
                       text.size()) == 1;
  // A refused signature leaves entries in the thread's queue of errors.
  if (!valid) ERR_clear_error();
  return valid;
}

absl::StatusOr<TokenKeys> TokenKeys::Parse(std::string_view pems) {
  TokenKeys keys;
  std::vector<std::string> faults;
  std::size_t number = 0;
  for (std::string_view rest = SkipBlanks(pems); !rest.empty(); rest = SkipBlanks(rest)) {
    const std::string name = StrCat("key ", ++number, " ");
    const std::optional<std::string_view> block = TakeBlock(rest);
    if (!block) {
      faults.push_back(name + "is not in PEM");
      break;
    }
    absl::StatusOr<PublicKey> key = PublicKey::Parse(std::string(*block));
    if (!key.ok()) {
      faults.push_back(StrCat(name, FromAbsl(key.status().message())));
    } else if (keys.Find(key->kid()) != nullptr) {
      faults.push_back(name + "occurs twice");
    } else {
      keys.keys_.push_back(*std::move(key));
    }
  }
  if (!faults.empty()) return absl::InvalidArgumentError(absl::StrJoin(faults, "; "));
  return keys;
}

const PublicKey* TokenKeys::Find(std::string_view kid) const {
  const auto found =
      std::ranges::find_if(keys_, [kid](const PublicKey& key) { return key.kid() == kid; });
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace scaleout::gateway
