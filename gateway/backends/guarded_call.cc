#include "gateway/backends/guarded_call.h"

#include "common/grpc_status.h"

namespace scaleout::gateway {

absl::Status OutcomeOf(const RpcCall& attempt, const grpc::Status& status, RequestContext& context,
                       BackendGuard& guard) {
  if (status.ok()) return absl::OkStatus();
  if (attempt.answered()) return FromGrpcStatus(status);
  absl::StatusCode code = FromGrpcStatus(status).code();
  // A service that is shut down resets its streams; nobody here gave the call up.
  if (code == absl::StatusCode::kCancelled && !context.cancellation.cancelled()) {
    code = absl::StatusCode::kUnavailable;
  }
  return guard.TransportError(code, status.error_message(), context.clock.Now());
}

CallRecord::CallRecord(RpcMethod& method, const Clock& clock)
    : method_(method), clock_(clock), start_(clock.Now()) {
  method_.guard().CountStart();
}

void CallRecord::End(absl::StatusCode code) {
  method_.guard().CountEnd(code);
  method_.Observe(code, clock_.Now() - start_);
}

}  // namespace scaleout::gateway
