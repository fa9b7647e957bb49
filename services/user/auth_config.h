// The user service's own settings: AUTH_*, for logins and tokens.
//
// A key that is none is a problem of the configuration; no key at all is not: the service serves
// users, and refuses logins.
#ifndef SCALEOUT_SERVICES_USER_AUTH_CONFIG_H_
#define SCALEOUT_SERVICES_USER_AUTH_CONFIG_H_

#include <optional>
#include <string>

#include "common/settings.h"
#include "services/user/password_hasher.h"
#include "services/user/token_key.h"
#include "services/user/token_signer.h"

namespace scaleout::user {

struct AuthConfig {
  std::string signing_key_pem;
  std::optional<TokenKey> signing_key;  // of signing_key_pem
  // As in the gateways, which take tokens of no other.
  std::string issuer = "scaleout";
  std::string audience = "scaleout-api";
  PasswordHasherOptions hasher;
};

void DeclareAuthSettings(Settings& settings, AuthConfig& config);

// Nothing without a key. `config` must outlive it.
std::optional<TokenSigner> MakeTokenSigner(const AuthConfig& config);

// Workers of Register and Login: one for each hash that is made or waits, and some that refuse what
// cannot wait.
int LoginWorkers(const AuthConfig& config);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_AUTH_CONFIG_H_
