#include "gateway/resilience/call_outcome.h"

#include <string>

#include "common/status.h"

namespace scaleout::gateway {

bool IsLoadShedding(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kUnavailable) return false;
  const std::string reason = ReasonOf(status);
  return reason == kReasonOverloaded || reason == kReasonPoolExhausted;
}

bool IsRevocationPending(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable &&
         ReasonOf(status) == kReasonRevocationPending;
}

CallOutcome ClassifyCall(const absl::Status& status) {
  if (IsLoadShedding(status)) return CallOutcome::kIgnored;
  // The service has done its part; redis-state is away, and reads do not need it.
  if (IsRevocationPending(status)) return CallOutcome::kIgnored;
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kUnimplemented:
      return CallOutcome::kSuccess;
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kResourceExhausted:
      return CallOutcome::kIgnored;
    default:
      return CallOutcome::kFailure;
  }
}

bool MayBeOnePartsFault(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kInvalidArgument;
}

}  // namespace scaleout::gateway
