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
  answer_lost_ = false;
  return absl::OkStatus();
}

Task<absl::Status> CallInProgress::MeetFault() {
  const InjectedFault fault = guard_.faults().Draw();
  answer_lost_ = fault.answer_lost;
  const Duration left = attempt_deadline_ - context_.clock.Now();
  const bool too_late = left > Duration::zero() && fault.delay >= left;
  Sleep late(context_, std::min(fault.delay, left));
  co_await late;
  // The attempt itself finds out that its client is gone.
  if (context_.cancellation.cancelled()) co_return absl::OkStatus();
  if (too_late) co_return absl::DeadlineExceededError("a delay of the lab");
  if (fault.error == absl::StatusCode::kOk) co_return absl::OkStatus();
  co_return absl::Status(fault.error, "an error of the lab");
}

absl::Status CallInProgress::EndAttempt(const absl::Status& raw, const RpcCall& attempt,
                                        std::optional<Duration>& pause) {
  if (!attempt.sent()) {
    permit_.reset();
    return context_.cancellation.cancelled() ? absl::CancelledError("The client is gone.")
                                             : NoTimeLeft(guard_.backend());
  }
  if (answer_lost_ && !absl::IsCancelled(raw)) {
    return Judge(absl::UnavailableError("an answer that the lab has lost"), attempt.ended(), pause);
  }
  return Judge(raw, attempt.ended(), pause);
}

absl::Status CallInProgress::EndFault(const absl::Status& fault, std::optional<Duration>& pause) {
  return Judge(fault, context_.clock.Now(), pause);
}

absl::Status CallInProgress::Judge(const absl::Status& raw, MonotonicTime ended,
                                   std::optional<Duration>& pause) {
  const bool client_gone = context_.cancellation.cancelled();
  // The share of the retry budget is the call's, not the attempt's.
  if (++attempts_ == 1) guard_.retry_budget().Deposit();
  absl::Status outcome = guard_.ToClientStatus(raw, client_gone, context_.clock.Now());
  // For the breaker counts what gRPC said: what the client reads of it may have another code. Only
  // a service that cancels its calls is away, as the client reads.
  last_said_ = absl::IsCancelled(raw) ? outcome : raw;
  permit_->Finish(OutcomeOf(outcome, client_gone), ended,
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

CallOutcome CallInProgress::OutcomeOf(const absl::Status& outcome, bool client_gone) {
  SharedCall* const shared = context_.shared;
  if (shared != nullptr && shared->divisible && !client_gone && guard_.MayDivide(outcome)) {
    shared->divided = true;
    return CallOutcome::kIgnored;
  }
  return guard_.OutcomeOf(last_said_, attempt_deadline_ - attempt_start_);
}

void CallInProgress::End() {
  if (attempts_ == 0) return;
  guard_.CountCall(last_said_);
  method_.ObserveCall(last_attempt_.code(), last_attempt_ended_ - start_);
}

}  // namespace scaleout::gateway
