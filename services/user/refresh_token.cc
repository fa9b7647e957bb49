#include "services/user/refresh_token.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "common/str_cat.h"
#include "proto/scaleout/user/v1/auth_limits.h"
#include "services/user/random_bytes.h"

namespace scaleout::user {
namespace {

constexpr std::size_t kFamilyCharacters = 22;
// Of a token's text, up to the end of its family.
constexpr std::size_t kFamilyEnd = v1::kSessionIdCharacters + 1 + kFamilyCharacters;

bool IsOfBase64Url(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
}

RefreshHash HashOf(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// Six random bits each.
std::string RandomCharacters(std::size_t count) {
  std::string characters;
  absl::WebSafeBase64Escape(RandomBytes(count), &characters);
  return characters.substr(0, count);
}

// `family` is a text up to kFamilyEnd.
RefreshToken Make(const SessionId& session, const std::string& family) {
  const std::string text =
      StrCat(family, RandomCharacters(v1::kRefreshTokenCharacters - kFamilyEnd));
  return {session, text, HashOf(text), HashOf(family)};
}

}  // namespace

RefreshToken RefreshToken::Random(const SessionId& session) {
  return Make(session, StrCat(session.hex(), ".", RandomCharacters(kFamilyCharacters)));
}

RefreshToken RefreshToken::Next() const { return Make(session, text.substr(0, kFamilyEnd)); }

std::optional<RefreshToken> RefreshToken::Parse(std::string_view text) {
  if (text.size() != v1::kRefreshTokenCharacters || text[v1::kSessionIdCharacters] != '.') {
    return std::nullopt;
  }
  const std::optional<SessionId> session =
      SessionId::Parse(text.substr(0, v1::kSessionIdCharacters));
  if (!session || !std::ranges::all_of(text.substr(v1::kSessionIdCharacters + 1), IsOfBase64Url)) {
    return std::nullopt;
  }
  return RefreshToken{*session, std::string(text), HashOf(text),
                      HashOf(text.substr(0, kFamilyEnd))};
}

bool AreEqual(const RefreshHash& one, const RefreshHash& other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace scaleout::user
