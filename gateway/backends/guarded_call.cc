#include "gateway/backends/guarded_call.h"

#include <algorithm>
#include <utility>

#include "gateway/backends/shared_call.h"
#include "gateway/resilience/rejection.h"

namespace scaleout::gateway {

CallInProgress::CallInProgress(RequestContext& context, RpcMethod& method, bool repeatable)
    : context_(context),
      method_(method),
      guard_(method.guard()),
      repeatable_(repeatable),
      start_(context.clock.Now()) {}

absl::Status CallInProgress::Enter() {
  std::optional<BulkheadPermit> place = guard_.bulkhead().TryAcquire();
  if (place) {
    place_ = std::make_shared<const BulkheadPermit>(*std::move(place));
    return absl::OkStatus();
  }
  return BulkheadFull(guard_.backend(), guard_.bulkhead().max_concurrent_calls());
}

absl::Status CallInProgress::BeginAttempt() {
  CircuitDecision decision = guard_.breaker().Acquire();
  if (!decision.permit) {
    absl::Status open = CircuitOpen(guard_.backend(), decision.state, decision.retry_after);
    return attempts_ == 0 ? open : AfterAttempt(std::move(open));
  }
  permit_.emplace(*std::move(decision.permit));
  attempt_start_ = context_.clock.Now();
  attempt_deadline_ = std::min(context_.deadline, attempt_start_ + guard_.attempt_timeout());
  return absl::OkStatus();
}

absl::Status CallInProgress::EndAttempt(const absl::Status& raw, const RpcCall& attempt,
                                        std::optional<Duration>& pause) {
  const bool client_gone = context_.cancellation.cancelled();
  if (!attempt.sent()) {
    permit_.reset();
    return client_gone ? absl::CancelledError("The client is gone.") : NoTimeLeft(guard_.backend());
  }
  // The share of the retry budget is the call's, not the attempt's.
  if (++attempts_ == 1) guard_.retry_budget().Deposit();
  absl::Status outcome = guard_.ToClientStatus(raw, client_gone, context_.clock.Now());
  permit_->Finish(OutcomeOf(outcome, client_gone), attempt.ended(),
                  context_.shared == nullptr ? 1 : context_.shared->requests);
  permit_.reset();
  last_attempt_ = outcome;
  last_attempt_ended_ = context_.clock.Now();
  if (outcome.ok() || client_gone) return outcome;
  const FailedAttempt failed(attempts_, outcome, repeatable_, context_.Remaining());
  const RetryDecision decision = guard_.DecideRetry(failed);
  if (decision.verdict == RetryVerdict::kRetry) pause = decision.pause;
  return outcome;
}

CallOutcome CallInProgress::OutcomeOf(const absl::Status& status, bool client_gone) {
  SharedCall* const shared = context_.shared;
  if (shared != nullptr && shared->divisible && !client_gone && guard_.MayDivide(status)) {
    shared->divided = true;
    return CallOutcome::kIgnored;
  }
  return guard_.OutcomeOf(status, attempt_deadline_ - attempt_start_);
}

void CallInProgress::End() {
  if (attempts_ == 0) return;
  guard_.CountCall(last_attempt_);
  method_.ObserveCall(last_attempt_.code(), last_attempt_ended_ - start_);
}

}  // namespace scaleout::gateway
