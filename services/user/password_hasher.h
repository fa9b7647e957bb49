// Hashes passwords with argon2id (RFC 9106) by libsodium: expensive on purpose, so bounded.
//
// A hash takes 19 MiB and two passes, some 50 ms of a core (OWASP's parameters). A few threads of
// the lowest priority do that and nothing else, so that logins neither exhaust the memory nor delay
// reads; a bounded queue is in front of them. A call whose deadline will have passed before its
// turn, by the queue's length and the recent mean, is refused at once: UNAVAILABLE with reason
// OVERLOADED and `retryAfterMs`. A job whose caller has left or is too late is dropped without
// hashing. Passwords are wiped after use. Thread-safe.
#ifndef SCALEOUT_SERVICES_USER_PASSWORD_HASHER_H_
#define SCALEOUT_SERVICES_USER_PASSWORD_HASHER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/metrics.h"

namespace scaleout::user {

// What a hash costs. Not settings: raising them is a change of the program, and stored hashes are
// made anew when their users log in.
struct HashCost {
  unsigned long long passes = 0;
  std::size_t memory_bytes = 0;
};
inline constexpr HashCost kHashCost{2, std::size_t{19} * 1024 * 1024};

struct PasswordHasherOptions {
  int threads = 1;
  // Hashes that may wait for a thread.
  int max_queued = 64;
  HashCost cost = kHashCost;
  // Called by the hashing thread before each hash: tests hold it there.
  std::function<void()> before_hash = {};
};

class PasswordHasher {
 public:
  // The references must outlive it.
  PasswordHasher(const PasswordHasherOptions& options, Metrics& metrics, const Clock& clock);
  // Every call has ended by then.
  ~PasswordHasher();
  PasswordHasher(const PasswordHasher&) = delete;
  PasswordHasher& operator=(const PasswordHasher&) = delete;

  // Whether a hash for `call` would be refused now, as Hash() and Verify() refuse it. To be asked
  // before other work is done for the call; nothing is reserved.
  absl::Status CheckRoom(const CallContext& call) const;

  // What to store, with a salt of its own. Waits as long as the call lasts.
  absl::StatusOr<std::string> Hash(const CallContext& call, std::string_view password);
  // Whether `password` is the one of which `hash` was made. Waits as long as the call lasts.
  absl::StatusOr<bool> Verify(const CallContext& call, const std::string& hash,
                              std::string_view password);

  // The hash of no password, at the present cost: for a user that does not exist or has no
  // password, so that the answer takes as long.
  const std::string& dummy_hash() const;
  // Whether `hash` was made at another cost than the present one.
  bool NeedsRehash(const std::string& hash) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_PASSWORD_HASHER_H_
