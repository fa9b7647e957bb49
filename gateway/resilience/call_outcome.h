// What a finished call says about the backend that answered it, or did not.
//
// A failure is the backend's own: it was down, late or broken. An error that the caller brought on
// itself (a missing row, a refused field) shows a backend that works, so it is a success. What
// nobody decided (the client left, a quota was empty) is ignored. Pure.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_CALL_OUTCOME_H_
#define SCALEOUT_GATEWAY_RESILIENCE_CALL_OUTCOME_H_

#include "absl/status/status.h"

namespace scaleout::gateway {

enum class CallOutcome { kSuccess, kFailure, kIgnored };

// Failures: UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL, UNKNOWN, DATA_LOSS, and a number that is no
// code. Ignored: CANCELLED, RESOURCE_EXHAUSTED. Everything else is a success, UNIMPLEMENTED too: a
// backend that lacks a method is a release that is not out yet, and its other methods work.
CallOutcome ClassifyCall(absl::StatusCode code);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_CALL_OUTCOME_H_
