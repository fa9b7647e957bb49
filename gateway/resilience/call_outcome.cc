#include "gateway/resilience/call_outcome.h"

#include <string>

#include "common/status.h"

namespace scaleout::gateway {

bool IsLoadShedding(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kUnavailable) return false;
  const std::string reason = ReasonOf(status);
  return reason == kReasonOverloaded || reason == kReasonPoolExhausted;
}

bool IsWaitingForAnother(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kUnavailable) return false;
  const std::string reason = ReasonOf(status);
  return reason == kReasonRevocationPending || reason == kReasonPaymentUnknown;
}

CallOutcome ClassifyCall(const absl::Status& status) {
  if (IsLoadShedding(status)) return CallOutcome::kIgnored;
  // The service has done its part; its other calls do not need what is away.
  if (IsWaitingForAnother(status)) return CallOutcome::kIgnored;
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
