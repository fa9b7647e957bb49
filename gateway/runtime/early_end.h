// Why a request ends before its work is done: one place for the statuses, so that every awaitable
// and handler answers the same. Pure.
#ifndef SCALEOUT_GATEWAY_RUNTIME_EARLY_END_H_
#define SCALEOUT_GATEWAY_RUNTIME_EARLY_END_H_

#include "absl/status/status.h"
#include "common/status.h"

namespace scaleout::gateway {

// CANCELLED. No client reads it; it only ends the request's work.
inline absl::Status ClientGone() { return absl::CancelledError("The client is gone."); }

// DEADLINE_EXCEEDED (504): the work was stopped, or was not begun.
inline absl::Status DeadlinePassed() {
  return WithReason(absl::DeadlineExceededError("The request's time was over before its work was."),
                    "DEADLINE_EXCEEDED");
}

// UNAVAILABLE (503) with the reason DRAINING.
inline absl::Status ShuttingDown() {
  return WithReason(absl::UnavailableError("This instance is shutting down."), "DRAINING");
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_EARLY_END_H_
