// The one way to call a service. Whatever holds for every call is written here, once, and every
// verb of every backend is one line over it.
//
// A call resumes on the request's loop, never outlasts the request's deadline, ends early when the
// client is gone, and is counted: rpc_client_call_duration_seconds{backend,method,code} and the
// backend's counts. An error that the service sent passes as it is; one that gRPC made becomes a
// clean sentence (BackendGuard::ToClientStatus).
#ifndef SCALEOUT_GATEWAY_BACKENDS_GUARDED_CALL_H_
#define SCALEOUT_GATEWAY_BACKENDS_GUARDED_CALL_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/grpc_status.h"
#include "gateway/async/request_context.h"
#include "gateway/async/task.h"
#include "gateway/backends/backend_channels.h"
#include "gateway/backends/backend_guard.h"
#include "gateway/backends/rpc_call.h"

namespace scaleout::gateway {

// Counts one call from its construction to End.
class CallRecord {
 public:
  CallRecord(RpcMethod& method, const Clock& clock);
  void End(absl::StatusCode code);

 private:
  RpcMethod& method_;
  const Clock& clock_;
  const MonotonicTime start_;
};

template <typename AsyncStub, typename Request, typename Response>
Task<absl::StatusOr<Response>> GuardedCall(RequestContext& context, BackendChannel& channel,
                                           RpcMethod& method, AsyncStub& stub,
                                           UnaryRpc<AsyncStub, Request, Response> rpc,
                                           Request request) {
  CallRecord record(method, context.clock);
  UnaryCall<AsyncStub, Request, Response> attempt(context, context.deadline, channel.callbacks(),
                                                  stub, rpc, request);
  const grpc::Status answer = co_await attempt;
  const absl::Status outcome = method.guard().ToClientStatus(
      FromGrpcStatus(answer), context.cancellation.cancelled(), context.clock.Now());
  record.End(outcome.code());
  if (!outcome.ok()) co_return outcome;
  co_return std::move(attempt.response);
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_GUARDED_CALL_H_
