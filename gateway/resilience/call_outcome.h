// What a finished call says about the backend that answered it, or did not.
//
// A failure is the backend's own: it was down, late or broken. An error that the caller caused (a
// missing row, a refused field) shows a backend that works, so it is a success. A call that says
// nothing about the backend's state is ignored: the client left, a quota was empty, or the service
// shed load, which a service that works does too. Pure.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_CALL_OUTCOME_H_
#define SCALEOUT_GATEWAY_RESILIENCE_CALL_OUTCOME_H_

#include "absl/status/status.h"

namespace scaleout::gateway {

enum class CallOutcome { kSuccess, kFailure, kIgnored };

// Failures: UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL, UNKNOWN, DATA_LOSS, and a number that is no
// code. Ignored: CANCELLED, RESOURCE_EXHAUSTED, load shedding, and what waits for another than the
// service alone. Everything else is a success, UNIMPLEMENTED too: a backend that lacks a method has
// not been released yet, and its other methods work.
CallOutcome ClassifyCall(const absl::Status& status);

// Whether `status` is UNAVAILABLE because the service has more work than it can do in time: its
// queue was full (reason OVERLOADED), or no database connection was free in time
// (DATABASE_POOL_EXHAUSTED). Such a call is not retried: that would add to the load.
bool IsLoadShedding(const absl::Status& status);

// Whether `status` is UNAVAILABLE because of another than the service, which has done its part and
// goes on by itself: redis-state has not taken what ended a session (REVOCATION_PENDING), or the
// payment provider has not said what became of a charge (PAYMENT_OUTCOME_UNKNOWN). Such a call is
// not retried either: the service has waited already.
bool IsWaitingForAnother(const absl::Status& status);

// Whether a call for several things that ended so may have failed because of one of them.
bool MayBeOnePartsFault(absl::StatusCode code);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_CALL_OUTCOME_H_
