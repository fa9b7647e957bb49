#include "common/call_context.h"

namespace scaleout {

absl::Status CheckWanted(const CallContext& call, const Clock& clock) {
  // The deadline first: a call that is over cancels itself too, and "too late" is what its client
  // wants to know.
  if (call.deadline.Passed(clock)) return absl::DeadlineExceededError("the call's deadline passed");
  if (call.is_cancelled && call.is_cancelled()) return absl::CancelledError("the client is gone");
  return absl::OkStatus();
}

}  // namespace scaleout
