// Publishes the ends of sessions to the stream of revocations on redis-state, which every gateway
// follows.
//
// A call whose sessions have ended waits in Publish() while a thread of the relay appends their
// ids, together with those of other calls; that needs redis-state alone. Another thread has the
// work in the table, in which it may be held up without holding up calls: it marks the rows of what
// redis-state has acknowledged, and finds and publishes what no call waits for (it gave up, its
// process died, another statement ended the sessions), oldest first. Where a row cannot be marked,
// where the relay dies in between, and where several replicas relay at once, an id is published
// twice, which changes nothing.
//
// While redis-state does not answer, calls are refused at once, so that they do not take the
// threads of others; the relay goes on trying. It asks redis-state every kRevocationPoll, also when
// there is nothing to publish: that makes the stream's incarnation, without which no gateway trusts
// the stream. A stream that has forgotten entries needs no help: gateways then read the table.
//
// Without a publisher (no redis-state) nothing can be published, and each call is refused.
// Publish() is thread-safe. CallsRound() and RowsRound() belong to one thread each, those of
// Start() or a test's.
#ifndef SCALEOUT_SERVICES_USER_REVOCATION_RELAY_H_
#define SCALEOUT_SERVICES_USER_REVOCATION_RELAY_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "redis/revocation_publisher.h"
#include "service/background_thread.h"
#include "services/user/revocation_store.h"
#include "services/user/revocations.h"

namespace scaleout::user {

// How long a call waits for the acknowledgement, if it has the time.
inline constexpr std::chrono::milliseconds kRevocationPublishWait{500};
// Rows that are published at a time, and how often the table is looked at.
inline constexpr std::int32_t kRevocationRows = 500;
inline constexpr std::chrono::milliseconds kRevocationPoll{250};
// After which time a call that was refused may come again.
inline constexpr std::chrono::milliseconds kRevocationRetryAfter{1'000};
// How often the figures are read.
inline constexpr std::chrono::seconds kRevocationFiguresInterval{1};
// How long a statement of the relay may take.
inline constexpr std::chrono::seconds kRevocationStepLimit{2};

class RevocationRelay final : public Revocations {
 public:
  // `publisher` may be null. The references must outlive it.
  RevocationRelay(std::unique_ptr<RevocationStore> store,
                  std::unique_ptr<RevocationPublisher> publisher, const Clock& clock,
                  Logger& logger, Metrics& metrics);
  RevocationRelay(const RevocationRelay&) = delete;
  RevocationRelay& operator=(const RevocationRelay&) = delete;
  // Refuses those who wait. Waits for the rounds at work.
  ~RevocationRelay() override;

  // RowsRound() begins once `is_ready` says that the table is there. Once.
  void Start(std::function<bool()> is_ready);

  absl::Status Publish(const CallContext& call, std::span<const SessionId> ended) override;

  // Publishes what calls wait for; or nothing, if it is time to ask whether redis-state answers.
  absl::Status CallsRound();
  // Marks what CallsRound() has published; publishes what the table has, if it is time to look.
  absl::Status RowsRound();

 private:
  // A call in Publish(); shared with the round that publishes for it.
  struct Waiter {
    std::vector<SessionId> ids;
    std::optional<bool> published;
  };
  using Waiters = std::vector<std::shared_ptr<Waiter>>;

  absl::Status PublishRows();
  bool IsAway();
  absl::Status Append(const std::vector<SessionId>& ids);
  void Answer(const Waiters& waiters, bool published);
  CallContext StepCall() const;

  const std::unique_ptr<RevocationStore> store_;
  const std::unique_ptr<RevocationPublisher> publisher_;
  const Clock& clock_;
  Logger& logger_;
  Counter& published_;
  Gauge& pending_;
  Gauge& oldest_age_;

  MonotonicTime next_ask_;  // of CallsRound
  MonotonicTime next_look_;
  MonotonicTime next_figures_;

  std::mutex publisher_mutex_;  // over publisher_'s calls

  std::mutex mutex_;  // over what follows
  std::condition_variable answered_;
  Waiters waiting_;
  std::vector<SessionId> unmarked_;  // published for calls
  bool away_ = false;                // redis-state has not taken the last attempt, or takes long
  bool stopping_ = false;

  BackgroundThread calls_thread_;
  BackgroundThread rows_thread_;
};

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_REVOCATION_RELAY_H_
