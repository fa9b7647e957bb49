// Cancels statements that nobody waits for any more.
//
// PostgreSQL's statement_timeout is coarse (postgres_connection.h) and knows nothing of clients
// that go away. The watchdog is one thread that looks at the running statements at every deadline
// and every kLookEvery, and asks PostgreSQL to cancel those whose call is over; it asks again until
// the statement has ended. With nothing running it sleeps. It does not break connections: against a
// server that is frozen, a cancel waits as the statement does. Thread-safe.
#ifndef SCALEOUT_POSTGRES_POSTGRES_WATCHDOG_H_
#define SCALEOUT_POSTGRES_POSTGRES_WATCHDOG_H_

#include <chrono>
#include <functional>
#include <memory>

#include "common/call_context.h"
#include "common/clock.h"

namespace scaleout {

class PostgresWatchdog {
 public:
  static constexpr std::chrono::milliseconds kLookEvery{10};

  explicit PostgresWatchdog(const Clock& clock);
  // Every Watch has ended by then.
  ~PostgresWatchdog();
  PostgresWatchdog(const PostgresWatchdog&) = delete;
  PostgresWatchdog& operator=(const PostgresWatchdog&) = delete;

  // As long as it lives, `cancel` may be called, from the watchdog's thread, when `call` is over.
  // The destructor waits for a cancel that is under way, so that it cannot hit the connection's
  // next statement.
  class Watch {
   public:
    Watch(PostgresWatchdog& watchdog, const CallContext& call, std::function<void()> cancel);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    friend class PostgresWatchdog;
    PostgresWatchdog& watchdog_;
    const CallContext& call_;
    const std::function<void()> cancel_;
    bool cancelling_ = false;  // guarded by the watchdog's mutex
  };

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_WATCHDOG_H_
