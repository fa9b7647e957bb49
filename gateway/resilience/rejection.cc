#include "gateway/resilience/rejection.h"

#include <string>

#include "absl/strings/cord.h"
#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout::gateway {
namespace {

constexpr std::string_view kCircuitOpen = "CIRCUIT_OPEN";
constexpr std::string_view kBulkheadFull = "BULKHEAD_FULL";
constexpr std::string_view kTooManyReads = "TOO_MANY_READS";
constexpr std::string_view kDeadlineExceeded = "DEADLINE_EXCEEDED";

// A payload of the status that no answer shows.
constexpr char kAttempted[] = "scaleout.gateway/attempted";

// A full gateway has room again as soon as one call ends; a second spreads those who come back.
constexpr std::chrono::milliseconds kBusyRetryAfter{1000};

}  // namespace

absl::Status CircuitOpen(std::string_view backend, CircuitState state, Duration retry_after) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(retry_after);
  return WithReason(
      absl::UnavailableError(StrCat("The circuit to the ", backend, " service is open.")),
      kCircuitOpen,
      {{"backend", std::string(backend)},
       {"state", std::string(CircuitStateName(state))},
       {"retryAfterMs", StrCat(ms.count())}});
}

absl::Status BulkheadFull(std::string_view backend, int max_concurrent_calls) {
  return WithReason(
      absl::UnavailableError(StrCat("Too many calls to the ", backend, " service are in flight.")),
      kBulkheadFull,
      {{"backend", std::string(backend)},
       {"maxConcurrentCalls", StrCat(max_concurrent_calls)},
       {"retryAfterMs", StrCat(kBusyRetryAfter.count())}});
}

absl::Status TooManyReads(std::string_view backend, int max_waiting) {
  return WithReason(
      absl::UnavailableError(StrCat("Too many reads wait for the ", backend, " service.")),
      kTooManyReads,
      {{"backend", std::string(backend)},
       {"maxWaiting", StrCat(max_waiting)},
       {"retryAfterMs", StrCat(kBusyRetryAfter.count())}});
}

absl::Status NoTimeLeft(std::string_view backend) {
  return WithReason(
      absl::DeadlineExceededError(StrCat("No time was left to call the ", backend, " service.")),
      kDeadlineExceeded, {{"backend", std::string(backend)}});
}

absl::Status Overloaded() {
  return WithReason(absl::UnavailableError("This instance has more work than it can do in time."),
                    kReasonOverloaded, {{"retryAfterMs", StrCat(kBusyRetryAfter.count())}});
}

absl::Status AfterAttempt(absl::Status refusal) {
  refusal.SetPayload(kAttempted, absl::Cord());
  return refusal;
}

bool IsRejectedCall(const absl::Status& status) {
  if (!absl::IsUnavailable(status) || status.GetPayload(kAttempted)) return false;
  const std::string reason = ReasonOf(status);
  return reason == kCircuitOpen || reason == kBulkheadFull || reason == kTooManyReads;
}

}  // namespace scaleout::gateway
