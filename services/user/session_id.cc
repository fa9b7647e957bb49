#include "services/user/session_id.h"

#include "absl/strings/escaping.h"
#include "proto/scaleout/user/v1/auth_limits.h"
#include "services/user/random_bytes.h"

namespace scaleout::user {

SessionId SessionId::Random() {
  return SessionId(absl::BytesToHexString(RandomBytes(v1::kSessionIdCharacters / 2)));
}

std::optional<SessionId> SessionId::Parse(std::string_view hex) {
  if (v1::FindSessionIdViolation(hex)) return std::nullopt;
  return SessionId(std::string(hex));
}

std::vector<std::string> ToValues(const std::vector<SessionId>& ids) {
  std::vector<std::string> values;
  values.reserve(ids.size());
  for (const SessionId& id : ids) values.push_back(id.hex());
  return values;
}

}  // namespace scaleout::user
