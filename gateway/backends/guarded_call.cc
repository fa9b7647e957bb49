#include "gateway/backends/guarded_call.h"

#include <algorithm>

#include "gateway/resilience/rejection.h"

namespace scaleout::gateway {

CallInProgress::CallInProgress(RequestContext& context, RpcMethod& method, bool repeatable)
    : context_(context),
      method_(method),
      guard_(method.guard()),
      repeatable_(repeatable),
      start_(context.clock.Now()) {
  guard_.CountStart();
  guard_.retry_budget().Deposit();
}

absl::Status CallInProgress::Enter() {
  place_ = guard_.bulkhead().TryAcquire();
  if (place_) return absl::OkStatus();
  return BulkheadFull(guard_.backend(), guard_.bulkhead().max_concurrent_calls());
}

absl::Status CallInProgress::BeginAttempt() {
  CircuitDecision decision = guard_.breaker().Acquire();
  if (!decision.permit) return CircuitOpen(guard_.backend(), decision.state, decision.retry_after);
  permit_.emplace(*std::move(decision.permit));
  ++attempts_;
  attempt_start_ = context_.clock.Now();
  attempt_deadline_ = std::min(context_.deadline, attempt_start_ + guard_.attempt_timeout());
  return absl::OkStatus();
}

absl::Status CallInProgress::EndAttempt(const absl::Status& raw, MonotonicTime ended,
                                        std::optional<Duration>& pause) {
  const bool client_gone = context_.cancellation.cancelled();
  absl::Status outcome = guard_.ToClientStatus(raw, client_gone, context_.clock.Now());
  permit_->Finish(guard_.OutcomeOf(outcome.code(), attempt_deadline_ - attempt_start_), ended);
  permit_.reset();
  if (outcome.ok() || client_gone) return outcome;
  const FailedAttempt failed(attempts_, outcome.code(), repeatable_, false, context_.Remaining());
  const RetryDecision decision = guard_.DecideRetry(failed);
  if (decision.verdict == RetryVerdict::kRetry) pause = decision.pause;
  return outcome;
}

absl::Status CallInProgress::End(absl::Status outcome) {
  guard_.CountEnd(outcome.code());
  method_.Observe(outcome.code(), context_.clock.Now() - start_);
  return outcome;
}

}  // namespace scaleout::gateway
