// A refresh token: "<session id>.<43 random characters of base64url>", of which the database has
// hashes.
//
// The session's id says where to look, and is no secret. All tokens of a session begin with the
// same 22 of the random characters, its family: so one that was used before differs from one that
// was never made, without a list of them. The other 21 are of one token alone. Both are compared by
// SHA-256, which is enough for 126 random bits, in constant time. Thread-safe.
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
  // The first one of the session, with a new family.
  static RefreshToken Random(const SessionId& session);
  // A new one of the same family.
  RefreshToken Next() const;
  // Nothing for what has not the form of one.
  static std::optional<RefreshToken> Parse(std::string_view text);

  SessionId session;
  std::string text;  // a secret
  RefreshHash hash;
  RefreshHash family;  // of the text up to the end of its family
};

// In a time that does not depend on where they differ.
bool AreEqual(const RefreshHash& one, const RefreshHash& other);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_REFRESH_TOKEN_H_
