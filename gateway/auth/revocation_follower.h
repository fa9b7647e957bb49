// What a gateway knows of ended sessions by itself: it follows the stream of revocations on
// redis-state, so that a request with a token costs no call.
//
// Begins by taking the end of the stream, then loads all that ended within the last 16 minutes from
// the user service, then reads on from that end. What ends a session commits it first and appends
// it to the stream afterwards; so whatever is not in what was loaded comes after the end that was
// taken. That holds for a stream that any process has made, and whatever it has forgotten.
//
// The set is trusted for kRevocationTrust from when the last poll that was answered was sent, and
// only while the stream is the same: that time is compared at each look-up, so that a process that
// was stopped for a while does not trust what it knew before. Where a look-up cannot be trusted the
// answer is "not known", and the service has to be asked (revocation_session_view.h). When a poll
// says that the stream is another one or has lost something, and when none has answered for so
// long, the follower begins anew. A time that the machine's monotonic clock does not count (a
// paused virtual machine) is not noticed.
//
// The set forgets a session 16 minutes after it has ended, because its tokens have expired by then:
// by the clock of the database, but it is this machine's that judges them. So the set is not
// trusted either while this machine's clock and redis-state's differ by more than kMostClockSkew.
//
// Step() belongs to one thread. IsAlive() is for all: a short lock, which Step() never holds while
// it waits.
#ifndef SCALEOUT_GATEWAY_AUTH_REVOCATION_FOLLOWER_H_
#define SCALEOUT_GATEWAY_AUTH_REVOCATION_FOLLOWER_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/session_number.h"
#include "gateway/auth/revocation_set.h"
#include "gateway/auth/token_verifier.h"
#include "redis/revocation_reader.h"

namespace scaleout::gateway {

// For how long what was known when a poll was sent is acted upon. Below the second within which a
// revocation is honoured, and above what a poll takes.
inline constexpr std::chrono::milliseconds kRevocationTrust{500};
// Of a poll: how long it waits for an entry, and how many it takes.
inline constexpr std::chrono::milliseconds kRevocationWait{125};
inline constexpr int kRevocationBatch = 256;
// After a failure, and after there were more revocations than the set takes.
inline constexpr std::chrono::milliseconds kRevocationRetryPause{100};
inline constexpr std::chrono::seconds kRevocationFullPause{10};
// Pages of the user service's list that are read, which is never so many: a service that does not
// come to an end is not read for ever.
inline constexpr int kMaxRevocationPages = 1'000;

// Between this machine's clock and redis-state's; the tokens' leeway is for it.
inline constexpr std::chrono::seconds kMostClockSkew = kTokenLeeway;

struct RevocationPage {
  std::vector<std::string> session_ids;
  std::string next_page_token;  // empty on the last one
};

class RevocationFollower {
 public:
  // Sessions that ended within the last 16 minutes, as the user service says now; waits for it, but
  // not for ever. "" is the first page.
  using ListPage = std::function<absl::StatusOr<RevocationPage>(const std::string& page_token)>;

  // The references outlive the object.
  RevocationFollower(std::unique_ptr<RevocationReader> reader, ListPage list, const Clock& clock,
                     Logger& logger, Metrics& metrics,
                     std::size_t max_revocations = kMaxRevocations);
  RevocationFollower(const RevocationFollower&) = delete;
  RevocationFollower& operator=(const RevocationFollower&) = delete;

  // Begins, or takes what was revoked since the last step, or waits for that. How long to pause
  // before the next one.
  Duration Step();

  // Whether the session has not ended; nothing if that is not known.
  std::optional<bool> IsAlive(const SessionNumber& session) const;
  bool trusted() const;

 private:
  absl::Status Begin();
  absl::Status Follow();
  // Notes the server's clock; not OK if this machine's is another.
  absl::Status CompareClocks(WallTime server_time);
  // The stream says nothing any more of what the set has to hold.
  void Forget();
  // False if the set is full.
  bool Add(const std::vector<std::string>& session_ids, RevocationSet& set);
  bool IsFresh(const std::optional<MonotonicTime>& sent) const;
  // Logs from when ended sessions are not known, and from when they are.
  void Note(const absl::Status& status);

  const std::unique_ptr<RevocationReader> reader_;
  const ListPage list_;
  const Clock& clock_;
  Logger& logger_;
  const std::size_t max_revocations_;
  Counter& loaded_;
  Counter& failed_;

  // The thread's own.
  std::optional<RevocationPosition> position_;  // none: to begin
  MonotonicTime last_answered_;                 // when that poll was sent, or it began
  std::optional<bool> failing_;                 // as logged last

  mutable std::mutex mutex_;  // over what follows
  RevocationSet revoked_;
  // When the poll was sent after whose answer `revoked_` had all; none: it cannot be trusted.
  std::optional<MonotonicTime> sent_;
  std::chrono::duration<double> clock_skew_{0};  // how far this machine's clock is ahead
};

// One that reads from redis-state.
std::unique_ptr<RevocationFollower> FollowRevocations(const RedisServer& state,
                                                      RevocationFollower::ListPage list,
                                                      const Clock& clock, Logger& logger,
                                                      Metrics& metrics);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_REVOCATION_FOLLOWER_H_
