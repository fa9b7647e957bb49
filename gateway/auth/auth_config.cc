#include "gateway/auth/auth_config.h"

#include <array>
#include <utility>

#include "absl/status/statusor.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

constexpr std::array<std::pair<std::string_view, AuthMode>, 2> kAuthModes{
    {{"required", AuthMode::kRequired}, {"optional", AuthMode::kOptional}}};

}  // namespace

std::string_view AuthModeName(AuthMode mode) {
  return mode == AuthMode::kRequired ? kAuthModes[0].first : kAuthModes[1].first;
}

// The keys are no secret, but a private key that is set by mistake is.
void DeclareAuthSettings(Settings& settings, AuthConfig& config) {
  settings.Group("Authentication");
  settings.OneOf("AUTH_MODE", config.mode, kAuthModes,
                 "without a token: refused, or (optional, for labs) allowed everything");
  std::string pems;
  settings.Secret("AUTH_PUBLIC_KEYS", pems,
                  "PEM public keys of the curve P-256, one after another, that verify tokens; "
                  "required unless AUTH_MODE is optional");
  settings.String("AUTH_ISSUER", config.issuer, "that tokens name; as the user service has it");
  settings.String("AUTH_AUDIENCE", config.audience, "that tokens name; as the user service has it");
  DeclareRateLimit(settings, "AUTH_FORGED_TOKEN_RATE", config.forged_tokens,
                   "tokens with a wrong signature from an address, of each gateway: so many at "
                   "once, and then at that rate; 0 for no limit");
  absl::StatusOr<TokenKeys> keys = TokenKeys::Parse(pems);
  if (!keys.ok()) {
    settings.Refuse("AUTH_PUBLIC_KEYS", StrCat("wants PEM public keys of the curve P-256: ",
                                               FromAbsl(keys.status().message())));
    return;
  }
  config.keys = *std::move(keys);
  if (config.mode == AuthMode::kRequired && config.keys.list().empty()) {
    settings.AddProblem("AUTH_PUBLIC_KEYS is required, because AUTH_MODE is required");
  }
}

}  // namespace scaleout::gateway
