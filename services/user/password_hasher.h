// Hashes passwords with argon2id (argon2.h): expensive on purpose, so bounded.
//
// A hash takes 19 MiB and two passes, some 25 ms of an idle core. A few threads of the lowest
// priority do that and nothing else, so that logins neither exhaust the memory nor delay reads; a
// bounded number of places is in front of them. A call has a place if, by the number of places
// before it and the recent mean, its hash is made within kMaxHashTime and with kAfterHash to spare
// before its deadline; one that finds a thread free always has one, or a slow hash would keep out
// all that come after it. Without a place: UNAVAILABLE with reason OVERLOADED and `retryAfterMs`,
// at once; the same where the hashes before a call took longer than expected, and where there is no
// memory. A job whose caller has left is dropped without hashing. The copies of passwords that are
// made here are wiped after use. Thread-safe.
#ifndef SCALEOUT_SERVICES_USER_PASSWORD_HASHER_H_
#define SCALEOUT_SERVICES_USER_PASSWORD_HASHER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/metrics.h"
#include "services/user/argon2.h"

namespace scaleout::user {

// From a call's place to what follows its hash. Much less than the gateway's kSilentCredentialTime:
// its breaker must not open because logins wait.
inline constexpr std::chrono::seconds kMaxHashTime{2};
// Of that, and of the call's deadline, what is for the session's transaction and the way back.
inline constexpr std::chrono::milliseconds kAfterHash{250};
// The mean before there was a hash.
inline constexpr std::chrono::milliseconds kFirstMeanHash{50};
// How long a login waits, at most, for a hash that only renews the stored one.
inline constexpr std::chrono::milliseconds kMaxRenewTime{500};

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

  // One hash's place among those that are made or wait. Given back when it is destroyed.
  class Place;
  // To be asked for before other work is done for the call.
  absl::StatusOr<Place> Reserve(const CallContext& call);

  // What to store, with a salt of its own. Reserves its place, and waits as long as the call lasts.
  absl::StatusOr<std::string> Hash(const CallContext& call, std::string_view password);
  // Whether `password` is the one of which `hash` was made. Waits as long as the call lasts.
  absl::StatusOr<bool> Verify(Place place, const CallContext& call, const std::string& hash,
                              std::string_view password);
  // What to store in the place of `hash`, if that was made at another cost than the present one, a
  // thread is free, and the call has the time; else nothing, and a later login has it made.
  std::optional<std::string> Renew(const CallContext& call, const std::string& hash,
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

class PasswordHasher::Place {
 public:
  Place(Place&& other) noexcept;
  Place& operator=(Place&&) = delete;
  ~Place();

 private:
  friend class PasswordHasher;
  friend struct PasswordHasher::Impl;
  Place(Impl& impl, MonotonicTime until) : impl_(&impl), until_(until) {}

  Impl* impl_;           // null: used
  MonotonicTime until_;  // when the hash has to be made
};

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_PASSWORD_HASHER_H_
