// Ends what a connection waits for once it is overdue: its call is over, or its limit has passed.
//
// One thread looks at the waits at every deadline and every kLookEvery. An overdue statement is
// cancelled: PostgreSQL is asked to end it, on a thread of the request's own because the request
// blocks, and asked again while the statement lasts. If it lasts kDisconnectAfter longer the
// connection is disconnected, which always ends the wait, even where the server is frozen and
// answers neither. At most kMaxCancels requests are under way at a time; a frozen server may hold
// them until it goes on, and nothing waits for them. With nothing to watch the thread sleeps.
// Thread-safe.
#ifndef SCALEOUT_POSTGRES_POSTGRES_WATCHDOG_H_
#define SCALEOUT_POSTGRES_POSTGRES_WATCHDOG_H_

#include <chrono>
#include <memory>
#include <optional>

#include "common/call_context.h"
#include "common/clock.h"
#include "common/deadline.h"

namespace scaleout {

// How to end what a connection waits for, from another thread.
class PostgresInterrupter {
 public:
  virtual ~PostgresInterrupter() = default;
  // Asks the server to cancel the statement that runs. May block, for ever if the server is frozen.
  virtual void Cancel() = 0;
  // Makes the wait fail, and with it the connection. Does not block.
  virtual void Disconnect() = 0;
};

class PostgresWatchdog {
 public:
  static constexpr std::chrono::milliseconds kLookEvery{10};
  static constexpr std::chrono::milliseconds kDisconnectAfter{1000};
  static constexpr int kMaxCancels = 4;

  // What is done first with an overdue wait. A commit must not be cancelled.
  enum class Action { kCancel, kDisconnect };

  explicit PostgresWatchdog(const Clock& clock);
  // Every Watch has ended by then.
  ~PostgresWatchdog();
  PostgresWatchdog(const PostgresWatchdog&) = delete;
  PostgresWatchdog& operator=(const PostgresWatchdog&) = delete;

  // A wait, for as long as it lives. It is overdue when `call` is over or `limit` has passed. The
  // destructor waits for a cancel request that is under way, so that it cannot hit the connection's
  // next statement, but no longer than until the connection is disconnected.
  class Watch {
   public:
    Watch(PostgresWatchdog& watchdog, const CallContext& call, Deadline limit, Action action,
          std::shared_ptr<PostgresInterrupter> interrupter);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    friend class PostgresWatchdog;
    struct Request;

    bool IsOverdue(const Clock& clock) const;

    PostgresWatchdog& watchdog_;
    const CallContext& call_;
    const Deadline limit_;
    const Action action_;
    const std::shared_ptr<PostgresInterrupter> interrupter_;
    // Guarded by the watchdog's mutex.
    std::optional<MonotonicTime> overdue_since_;
    MonotonicTime next_cancel_{};
    std::shared_ptr<Request> request_;  // the last cancel request; null: none was made
    bool disconnected_ = false;
  };

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_WATCHDOG_H_
