#include "services/user/token_signer.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "common/str_cat.h"
#include "proto/scaleout/user/v1/auth_limits.h"

namespace scaleout::user {
namespace {

constexpr std::size_t kMaxClaimBytes = 200;

}  // namespace

TokenSigner::TokenSigner(const TokenKey& key, std::string_view issuer, std::string_view audience)
    : key_(key),
      header_(absl::WebSafeBase64Escape(
                  StrCat(R"({"alg":"ES256","typ":"JWT","kid":")", key.kid(), R"("})")) +
              "."),
      prefix_(StrCat(R"({"iss":")", issuer, R"(","aud":")", audience, R"(","sub":")")) {}

std::string TokenSigner::Sign(const AccessClaims& claims) const {
  constexpr std::chrono::seconds kTime = v1::kAccessTokenTime;
  std::string token =
      StrCat(header_, absl::WebSafeBase64Escape(StrCat(
                          prefix_, claims.user.value(), R"(","sid":")", claims.session.hex(),
                          R"(","role":")", RoleName(claims.role), R"(","iat":)", claims.issued_at,
                          R"(,"exp":)", claims.issued_at + kTime.count(), "}")));
  StrAppend(&token, ".", absl::WebSafeBase64Escape(key_.Sign(token)));
  return token;
}

bool IsPlainClaim(std::string_view text) {
  const auto is_plain = [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '"' && c != '\\';
  };
  return !text.empty() && text.size() <= kMaxClaimBytes && std::ranges::all_of(text, is_plain);
}

}  // namespace scaleout::user
