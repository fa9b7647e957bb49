// A refresh token: "<session id>.<32 random bytes in base64url>", of which the database has a hash.
//
// The session's id says where to look; the secret is compared by SHA-256, which is enough for a
// random secret of that length, in constant time. Thread-safe.
#ifndef SCALEOUT_SERVICES_USER_REFRESH_TOKEN_H_
#define SCALEOUT_SERVICES_USER_REFRESH_TOKEN_H_

#include <optional>
#include <string>
#include <string_view>

#include "services/user/session_id.h"

namespace scaleout::user {

// SHA-256 of a token's text, as 64 lower-case hexadecimal digits: what a statement reads and
// writes.
using RefreshHash = std::string;

struct RefreshToken {
  // A new one of the session.
  static RefreshToken Random(const SessionId& session);
  // Nothing for what has not the form of one.
  static std::optional<RefreshToken> Parse(std::string_view text);

  SessionId session;
  std::string text;  // a secret
  RefreshHash hash;
};

// In a time that does not depend on where they differ.
bool AreEqual(const RefreshHash& one, const RefreshHash& other);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_REFRESH_TOKEN_H_
