// The statuses of what this gateway refuses by itself, without asking a backend: one place for
// their codes, reasons and facts. All are 503 with Retry-After, but for the deadline's 504. A call
// that is refused so is no call of the backend: it is neither counted nor retried
// (backends/guarded_call.h). Pure.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_REJECTION_H_
#define SCALEOUT_GATEWAY_RESILIENCE_REJECTION_H_

#include <string_view>

#include "absl/status/status.h"
#include "common/clock.h"
#include "gateway/resilience/circuit_breaker.h"

namespace scaleout::gateway {

// CIRCUIT_OPEN with `backend`, `state`, `retryAfterMs`. `retry_after` is as Acquire gave it.
absl::Status CircuitOpen(std::string_view backend, CircuitState state, Duration retry_after);
// BULKHEAD_FULL with `backend`, `maxConcurrentCalls`, `retryAfterMs`.
absl::Status BulkheadFull(std::string_view backend, int max_concurrent_calls);
// TOO_MANY_READS with `backend`, `maxWaiting`, `retryAfterMs`: no further read of the backend may
// wait.
absl::Status TooManyReads(std::string_view backend, int max_waiting);
// DEADLINE_EXCEEDED with `backend`: the request's time was over before the call was sent.
absl::Status NoTimeLeft(std::string_view backend);
// OVERLOADED with `retryAfterMs`.
absl::Status Overloaded();

// The same refusal, of a further attempt: an earlier one was sent, and its outcome may be unknown.
absl::Status AfterAttempt(absl::Status refusal);

// Whether `status` is one of CircuitOpen, BulkheadFull and TooManyReads, and nothing was sent.
bool IsRejectedCall(const absl::Status& status);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_REJECTION_H_
