#include "gateway/auth/token_verifier.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/session_number.h"
#include "common/utf8.h"
#include "gateway/auth/auth_refusal.h"
#include "gateway/auth/base64url.h"

namespace scaleout::gateway {
namespace {

// Iterative, because a recursive parser's stack is the sender's to exhaust.
constexpr unsigned kParseFlags = rapidjson::kParseIterativeFlag;

// Of times, in the year 2255: WallTime, in nanoseconds, ends in 2262.
constexpr std::int64_t kMaxTime = 9'000'000'000;

struct Parts {
  std::string_view header;
  std::string_view claims;
  std::string_view signature;
  std::string_view signed_text;
};

std::optional<Parts> Split(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1), token.substr(0, second)};
}

bool HasEachNameOnce(const rapidjson::Value& object) {
  std::vector<std::string_view> names;
  for (const auto& member : object.GetObject()) {
    names.emplace_back(member.name.GetString(), member.name.GetStringLength());
  }
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) == names.end();
}

// To RapidJSON a NUL is the end of its input.
bool ParseObject(const std::string& json, rapidjson::Document& document) {
  if (json.find('\0') != std::string::npos || !IsUtf8(json)) return false;
  document.Parse<kParseFlags>(json.data(), json.size());
  return !document.HasParseError() && document.IsObject() && HasEachNameOnce(document);
}

const rapidjson::Value* Find(const rapidjson::Value& object, const char* name) {
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

// Empty if there is no text of that name.
std::string_view TextOf(const rapidjson::Value& object, const char* name) {
  const rapidjson::Value* const value = Find(object, name);
  if (value == nullptr || !value->IsString()) return {};
  return {value->GetString(), value->GetStringLength()};
}

std::optional<WallTime> TimeOf(const rapidjson::Value& object, const char* name) {
  const rapidjson::Value* const value = Find(object, name);
  if (value == nullptr || !value->IsInt64()) return std::nullopt;
  const std::int64_t seconds = value->GetInt64();
  if (seconds < 0 || seconds > kMaxTime) return std::nullopt;
  return WallTime(std::chrono::seconds(seconds));
}

// 0 if the text is no positive number in its one decimal form.
std::int64_t ParseUserId(std::string_view text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && id > 0 && text.front() != '0' ? id : 0;
}

// Empty if the header is not exactly that of a token of ours.
std::string ReadKid(std::string_view header) {
  const std::optional<std::string> json = DecodeBase64Url(header);
  rapidjson::Document document;
  if (!json || !ParseObject(*json, document) || document.MemberCount() != 3) return "";
  if (TextOf(document, "alg") != "ES256" || TextOf(document, "typ") != "JWT") return "";
  return std::string(TextOf(document, "kid"));
}

}  // namespace

TokenVerifier::TokenVerifier(TokenKeys keys, std::string issuer, std::string audience,
                             const Clock& clock)
    : keys_(std::move(keys)),
      issuer_(std::move(issuer)),
      audience_(std::move(audience)),
      clock_(clock) {}

absl::StatusOr<VerifiedToken> TokenVerifier::Verify(std::string_view token, bool* forged) const {
  if (token.size() > kMaxTokenBytes) return InvalidToken();
  const std::optional<Parts> parts = Split(token);
  if (!parts) return InvalidToken();
  const PublicKey* const key = keys_.Find(ReadKid(parts->header));
  if (key == nullptr) return InvalidToken();
  const std::optional<std::string> signature = DecodeBase64Url(parts->signature);
  if (!signature || signature->size() != kSignatureBytes) return InvalidToken();
  if (!key->Verifies(parts->signed_text, *signature)) {
    if (forged != nullptr) *forged = true;
    return InvalidToken();
  }
  std::optional<std::string> claims = DecodeBase64Url(parts->claims);
  if (!claims) return InvalidToken();
  return ReadClaims(*std::move(claims));
}

absl::StatusOr<VerifiedToken> TokenVerifier::ReadClaims(std::string claims) const {
  rapidjson::Document document;
  if (!ParseObject(claims, document)) return InvalidToken();
  if (TextOf(document, "iss") != issuer_ || TextOf(document, "aud") != audience_)
    return InvalidToken();
  VerifiedToken token;
  token.principal.user_id = ParseUserId(TextOf(document, "sub"));
  token.principal.role = FindRole(TextOf(document, "role"));
  token.session_id = TextOf(document, "sid");
  const std::optional<WallTime> issued = TimeOf(document, "iat");
  const std::optional<WallTime> expires = TimeOf(document, "exp");
  if (token.principal.user_id == 0 || token.principal.role == Role::kNone ||
      !FindSessionNumber(token.session_id) || !issued || !expires) {
    return InvalidToken();
  }
  const bool has_start = Find(document, "nbf") != nullptr;
  const std::optional<WallTime> starts = has_start ? TimeOf(document, "nbf") : issued;
  const WallTime now = clock_.WallNow();
  if (!starts || std::max(*issued, *starts) > now + kTokenLeeway ||
      *expires > *issued + kMaxTokenLifetime) {
    return InvalidToken();
  }
  if (*expires + kTokenLeeway <= now) return ExpiredToken();
  token.expires = *expires + kTokenLeeway;
  return token;
}

}  // namespace scaleout::gateway
