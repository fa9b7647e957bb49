#include "services/user/auth_config.h"

#include <string_view>

namespace scaleout::user {
namespace {

constexpr int kSpareLoginWorkers = 2;
// Each of them has a thread, of which containers bound the number.
constexpr int kMaxHashQueue = 64;

void CheckClaim(Settings& settings, std::string_view name, std::string_view value) {
  if (IsPlainClaim(value)) return;
  settings.Refuse(name, "must have 1 to 200 graphic ASCII characters, no quote and no backslash");
}

}  // namespace

void DeclareAuthSettings(Settings& settings, AuthConfig& config) {
  settings.Group("Logins");
  settings.Secret("AUTH_SIGNING_KEY", config.signing_key_pem,
                  "signs access tokens: a private key in PEM, of the curve P-256 "
                  "(--make-signing-key); empty: logins are refused");
  if (!config.signing_key_pem.empty()) {
    config.signing_key = TokenKey::Parse(config.signing_key_pem);
    if (!config.signing_key) {
      settings.Refuse("AUTH_SIGNING_KEY", "not a private key in PEM, of the curve P-256");
    }
  }
  settings.String("AUTH_ISSUER", config.issuer, "iss of access tokens, as the gateways have it");
  settings.String("AUTH_AUDIENCE", config.audience,
                  "aud of access tokens, as the gateways have it");
  CheckClaim(settings, "AUTH_ISSUER", config.issuer);
  CheckClaim(settings, "AUTH_AUDIENCE", config.audience);
  settings.Int("AUTH_HASH_THREADS", config.hasher.threads, 1, 2,
               "passwords hashed at once; each takes 19 MiB and a core, at the lowest priority");
  settings.Int("AUTH_HASH_QUEUE", config.hasher.max_queued, 1, kMaxHashQueue,
               "passwords that may wait for that; more are refused");
}

std::optional<TokenSigner> MakeTokenSigner(const AuthConfig& config) {
  if (!config.signing_key) return std::nullopt;
  return TokenSigner(*config.signing_key, config.issuer, config.audience);
}

int LoginWorkers(const AuthConfig& config) {
  return config.hasher.threads + config.hasher.max_queued + kSpareLoginWorkers;
}

}  // namespace scaleout::user
