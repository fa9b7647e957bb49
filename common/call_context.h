// One call's leave to work: until when, whether its client still listens, and the ids that name it
// in a log.
//
// Made by the service host for each RPC and passed down by reference to what waits or does I/O.
// Immutable while the call lasts and thread-safe, so that a watchdog may look at it from another
// thread.
#ifndef SCALEOUT_COMMON_CALL_CONTEXT_H_
#define SCALEOUT_COMMON_CALL_CONTEXT_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/deadline.h"

namespace scaleout {

struct CallContext {
  Deadline deadline;
  // True once the client is gone. Empty: the client stays. Must be cheap and callable from any
  // thread.
  std::function<bool()> is_cancelled;
  std::string request_id;  // empty where the caller sent none
  std::string trace_id;    // 32 hex digits of a W3C traceparent, or empty
};

// OK while the client waits for the answer; else CANCELLED or DEADLINE_EXCEEDED.
absl::Status CheckWanted(const CallContext& call, const Clock& clock);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_CALL_CONTEXT_H_
