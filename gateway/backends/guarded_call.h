// The one way to call a service. Whatever holds for every call is written here, once; the verbs of
// the typed backends are made of it (service_rpcs.h).
//
// A call resumes on the request's loop, never outlasts the request's deadline by more than
// kEndGrace (rpc_call.h) and ends early when the client is gone. An error that the service sent is
// returned as it is; one that gRPC made becomes a sentence without addresses
// (BackendGuard::ToClientStatus).
//
// A call of which an attempt was sent is counted once, with the outcome and the end of its last
// attempt: rpc_client_call_duration_seconds{backend,method,code}, the backend's counts, and a
// deposit in its retry budget. A call that this gateway refused before it sent anything (bulkhead,
// circuit breaker, no time left, client gone) leaves no trace in any of them: it says nothing about
// the backend.
#ifndef SCALEOUT_GATEWAY_BACKENDS_GUARDED_CALL_H_
#define SCALEOUT_GATEWAY_BACKENDS_GUARDED_CALL_H_

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/grpc_status.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/backend_guard.h"
#include "gateway/backends/rpc_call.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/sleep.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// One call on its way through the guard: its place in the bulkhead, its attempts' permits, its
// retries, its counts. What is the same whatever the messages are; GuardedCall has the rest.
class CallInProgress {
 public:
  // `repeatable`: by the method's contract, or by the idempotency key of this request.
  CallInProgress(RequestContext& context, RpcMethod& method, bool repeatable);

  // Not OK if the bulkhead is full: there is nothing to attempt then.
  absl::Status Enter();
  // Not OK if the circuit is open. Sets the deadline of the attempt that may begin.
  absl::Status BeginAttempt();
  MonotonicTime attempt_deadline() const { return attempt_deadline_; }
  // In the bulkhead; the call's, and that of each attempt that gRPC has not finished with.
  const std::shared_ptr<const BulkheadPermit>& place() const { return place_; }
  // Whether the lab may have a fault for the attempt; then what the attempt meets has to be awaited
  // before it is sent. Not OK: it has ended so, without being sent.
  bool has_faults() const { return guard_.faults().on(); }
  Task<absl::Status> MeetFault();
  // Takes the attempt and gRPC's status for it, and returns the status for the client; sets `pause`
  // if another attempt is to be made.
  absl::Status EndAttempt(const absl::Status& raw, const RpcCall& attempt,
                          std::optional<Duration>& pause);
  // The same for one that met a fault instead.
  absl::Status EndFault(const absl::Status& fault, std::optional<Duration>& pause);
  // Counts the call.
  void End();

 private:
  // Of an attempt that was sent, or met a fault.
  absl::Status Judge(const absl::Status& raw, MonotonicTime ended, std::optional<Duration>& pause);
  // Of an attempt with that status for the client, for the breaker; decides whether a shared call
  // is divided.
  CallOutcome OutcomeOf(const absl::Status& outcome, bool client_gone);

  RequestContext& context_;
  RpcMethod& method_;
  BackendGuard& guard_;
  const bool repeatable_;
  const MonotonicTime start_;
  std::shared_ptr<const BulkheadPermit> place_;
  std::optional<CircuitPermit> permit_;
  int attempts_ = 0;  // that were sent
  MonotonicTime attempt_start_;
  MonotonicTime attempt_deadline_;
  bool answer_lost_ = false;   // a fault of the attempt
  absl::Status last_attempt_;  // for the client
  absl::Status last_said_;     // of the same, what counts for or against the backend
  MonotonicTime last_attempt_ended_;
};

// Whether a request may be sent twice.
template <typename Request>
bool IsRepeatable(const RpcMethod& method, const Request& request) {
  if constexpr (requires { request.idempotency_key(); }) {
    if (method.repeat() == Repeat::kWithKey) return !request.idempotency_key().empty();
  }
  return method.repeat() == Repeat::kSafe;
}

// Bulkhead, total deadline, retry, circuit breaker, the lab's faults, attempt: outermost first.
template <typename Stub, typename Request, typename Response>
Task<absl::StatusOr<Response>> GuardedCall(RequestContext& context, BackendChannel& channel,
                                           RpcMethod& method, Stub& stub,
                                           UnaryRpc<Stub, Request, Response> rpc, Request request) {
  CallInProgress call(context, method, IsRepeatable(method, request));
  absl::Status status = call.Enter();
  while (status.ok()) {
    status = call.BeginAttempt();
    if (!status.ok()) break;
    std::optional<Duration> pause;
    absl::Status fault;
    if (call.has_faults()) {
      Task<absl::Status> meeting = call.MeetFault();
      fault = co_await meeting;
    }
    if (fault.ok()) {
      UnaryCall<Stub, Request, Response> attempt(context, call.attempt_deadline(),
                                                 channel.callbacks(), channel.queue(), stub, rpc,
                                                 request, call.place());
      const grpc::Status answer = co_await attempt;
      status = call.EndAttempt(FromGrpcStatus(answer), attempt, pause);
      if (status.ok()) {
        call.End();
        co_return std::move(attempt.response());
      }
    } else {
      status = call.EndFault(fault, pause);
    }
    if (!pause) break;
    Sleep sleep(context, *pause);
    co_await sleep;
    status = absl::OkStatus();
  }
  call.End();
  co_return status;
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_GUARDED_CALL_H_
