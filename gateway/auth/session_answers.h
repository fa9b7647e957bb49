// What the user service has said of sessions lately, so that it is not asked for each request while
// the gateway does not know by itself (revocation_session_view.h).
//
// An answer is remembered for kSessionAnswerLife from when its question was asked, at most: what it
// says is then no older. Bounded; where it is full the oldest answer gives way. Of one loop.
#ifndef SCALEOUT_GATEWAY_AUTH_SESSION_ANSWERS_H_
#define SCALEOUT_GATEWAY_AUTH_SESSION_ANSWERS_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/clock.h"
#include "common/principal.h"
#include "common/session_number.h"

namespace scaleout::gateway {

inline constexpr std::chrono::milliseconds kSessionAnswerLife{500};
// Of a loop. More sessions than that at work within half a second are asked for more often.
inline constexpr std::size_t kMaxSessionAnswers = 4'096;

// What is asked: whether the session lives, and is this principal's.
struct SessionQuestion {
  SessionNumber session;
  Principal principal;

  friend bool operator==(const SessionQuestion&, const SessionQuestion&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const SessionQuestion& question) {
    return H::combine(std::move(hash), question.session, question.principal);
  }
};

class SessionAnswers {
 public:
  explicit SessionAnswers(std::size_t limit = kMaxSessionAnswers) : limit_(limit) {}

  std::optional<bool> Find(const SessionQuestion& question, MonotonicTime now) const {
    const auto found = answers_.find(question);
    if (found == answers_.end() || now - found->second.asked >= kSessionAnswerLife) {
      return std::nullopt;
    }
    return found->second.alive;
  }

  // `asked` is before the question was sent. A later question's answer stays.
  void Remember(const SessionQuestion& question, bool alive, MonotonicTime asked,
                MonotonicTime now) {
    if (now - asked >= kSessionAnswerLife) return;
    const auto [entry, is_new] = answers_.try_emplace(question, Answer{alive, asked});
    if (!is_new) {
      if (asked < entry->second.asked) return;
      entry->second = {alive, asked};
    }
    by_age_.emplace_back(asked, question);
    while (answers_.size() > limit_ || by_age_.size() > 2 * limit_) DropOldest();
  }

  std::size_t size() const { return answers_.size(); }

 private:
  struct Answer {
    bool alive = false;
    MonotonicTime asked;
  };

  // Nothing where that answer was replaced.
  void DropOldest() {
    const auto& [asked, question] = by_age_.front();
    const auto found = answers_.find(question);
    if (found != answers_.end() && found->second.asked == asked) answers_.erase(found);
    by_age_.pop_front();
  }

  const std::size_t limit_;
  absl::flat_hash_map<SessionQuestion, Answer> answers_;
  // In the order in which the answers came, replaced ones too.
  std::deque<std::pair<MonotonicTime, SessionQuestion>> by_age_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_SESSION_ANSWERS_H_
