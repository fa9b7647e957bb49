// The sessions that have ended lately: bounded, and each for as long as one of its access tokens
// may live (kRevocationAge), from when it was added. Not thread-safe.
#ifndef SCALEOUT_GATEWAY_AUTH_REVOCATION_SET_H_
#define SCALEOUT_GATEWAY_AUTH_REVOCATION_SET_H_

#include <cstddef>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "common/clock.h"
#include "common/session_number.h"
#include "redis/revocation_stream.h"

namespace scaleout::gateway {

// About 15 MB, and twice that while they are read anew. Of 16 minutes: 260 a second.
inline constexpr std::size_t kMaxRevocations = 250'000;

class RevocationSet {
 public:
  explicit RevocationSet(std::size_t limit = kMaxRevocations) : limit_(limit) {}

  bool Contains(const SessionNumber& session) const { return sessions_.contains(session); }
  std::size_t size() const { return sessions_.size(); }

  // False if there is no place for it, and then it is not in the set.
  bool Add(const SessionNumber& session, MonotonicTime now) {
    if (sessions_.contains(session)) return true;
    if (sessions_.size() >= limit_) return false;
    sessions_.insert(session);
    by_age_.emplace_back(now, session);
    return true;
  }

  // Drops at most so many that are too old.
  void DropOld(MonotonicTime now, std::size_t at_most) {
    for (; at_most > 0 && !by_age_.empty() && now - by_age_.front().first >= kRevocationAge;
         --at_most) {
      sessions_.erase(by_age_.front().second);
      by_age_.pop_front();
    }
  }

 private:
  std::size_t limit_;
  absl::flat_hash_set<SessionNumber> sessions_;
  std::deque<std::pair<MonotonicTime, SessionNumber>> by_age_;  // oldest first
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_REVOCATION_SET_H_
