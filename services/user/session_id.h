// The id of a session: 128 random bits, written as 32 lower-case hexadecimal digits.
//
// It is a token's `sid` and an entry of the stream of revocations. It names a session and opens
// none, so logs may have it. Thread-safe.
#ifndef SCALEOUT_SERVICES_USER_SESSION_ID_H_
#define SCALEOUT_SERVICES_USER_SESSION_ID_H_

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scaleout::user {

class SessionId {
 public:
  // None: equal to no session's.
  SessionId() = default;
  // A new one.
  static SessionId Random();
  // Nothing for what is not 32 lower-case hexadecimal digits.
  static std::optional<SessionId> Parse(std::string_view hex);

  const std::string& hex() const { return hex_; }

  friend auto operator<=>(const SessionId&, const SessionId&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const SessionId& id) {
    return H::combine(std::move(hash), id.hex_);
  }

 private:
  explicit SessionId(std::string hex) : hex_(std::move(hex)) {}

  std::string hex_;
};

// The digits, as a statement's parameter for uuid[].
std::vector<std::string> ToValues(const std::vector<SessionId>& ids);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_SESSION_ID_H_
