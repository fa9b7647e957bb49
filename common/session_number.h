// The id of a session as a number of 128 bits: cheaper to compare, hash and hold than its text, 32
// lower-case hexadecimal digits (`sid` of a token). Pure.
#ifndef SCALEOUT_COMMON_SESSION_NUMBER_H_
#define SCALEOUT_COMMON_SESSION_NUMBER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace scaleout {

struct SessionNumber {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend bool operator==(const SessionNumber&, const SessionNumber&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const SessionNumber& session) {
    return H::combine(std::move(hash), session.high, session.low);
  }
};

// Nothing for a text of another form.
std::optional<SessionNumber> FindSessionNumber(std::string_view id);
std::string SessionIdOf(const SessionNumber& session);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_SESSION_NUMBER_H_
