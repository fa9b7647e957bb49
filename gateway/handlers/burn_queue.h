// The blocking burns of each event loop (/api/cpu-bound in mode "block"): one at a time, in the
// order in which they were asked for, each in a turn of its loop of its own.
//
// Before a burn starts, its loop takes kTurnsBeforeBurn turns: it takes its tick, so that the
// watchdog sees progress and burns never add up to LOOP_ABORT_AFTER, and it reads and serves what
// arrived during the burn before. The burn is the last of its turn (Executor::Hold), so that what
// was ready to be sent is. A burn that cannot end within its request's deadline because of the
// burns before it is refused at once; no request waits for a burn that it cannot have. What is read
// within kCatchUpTime after a burn may have waited for all of it, unread, and counts as if it had:
// the kernel does not say when its bytes came.
//
// A loop's line is touched by that loop's thread only, so nothing here locks.
#ifndef SCALEOUT_GATEWAY_HANDLERS_BURN_QUEUE_H_
#define SCALEOUT_GATEWAY_HANDLERS_BURN_QUEUE_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "common/clock.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// An idle loop accepts one connection a turn, and one more for each that is ready: enough turns for
// some hundred that came while it was blocked.
inline constexpr int kTurnsBeforeBurn = 8;
inline constexpr Duration kCatchUpTime = std::chrono::milliseconds(100);

class BurnQueue {
 public:
  // Holds the thread for `duration` on `clock`.
  using Burn = std::function<void(const Clock& clock, Duration duration)>;

  BurnQueue(std::size_t loops, Burn burn);

  // Burns for `duration` on the context's loop. UNAVAILABLE (OVERLOADED, with `retryAfterMs`), not
  // begun, if the burns before it leave too little of the request's time. DEADLINE_EXCEEDED if
  // `duration` alone is more than that: the burn ends at the deadline. CANCELLED, not begun, if the
  // client left first.
  Task<absl::Status> Run(RequestContext& context, Duration duration);

 private:
  class Turn;

  struct Line {
    std::deque<Turn*> turns;  // the first has the loop, or is about to have it
    Duration queued{0};       // what they need together
    MonotonicTime last_start;
    MonotonicTime last_end;
  };

  static absl::Status Admit(const Line& line, MonotonicTime now, Duration needed,
                            MonotonicTime deadline);
  absl::Status BurnNow(Line& line, const RequestContext& context, Duration duration) const;

  const Burn burn_;
  std::vector<Line> lines_;  // by the loops' indices
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_BURN_QUEUE_H_
