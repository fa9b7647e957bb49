#include "gateway/resilience/call_outcome.h"

namespace scaleout::gateway {

CallOutcome ClassifyCall(absl::StatusCode code) {
  switch (code) {
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

}  // namespace scaleout::gateway
