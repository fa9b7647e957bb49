#include "gateway/backends/backend_guard.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "common/status.h"
#include "common/str_cat.h"
#include "gateway/resilience/rejection.h"
#include "gateway/resilience/resilience_metrics.h"

namespace scaleout::gateway {
namespace {

constexpr Duration kLogInterval = std::chrono::seconds(1);

// The codes that gRPC's library makes itself (grpc/doc/statuscodes.md). It gives no other sign: the
// statuses that its transport makes up claim to come from the peer.
bool MayBeMadeByGrpc(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnauthenticated:
      return true;
    default:
      return false;
  }
}

bool IsFromService(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kCancelled) return false;
  return !MayBeMadeByGrpc(status.code()) || !ReasonOf(status).empty() ||
         !FieldViolationsOf(status).empty();
}

}  // namespace

BackendGuard::BackendGuard(std::string_view backend, const GuardParts& parts)
    : backend_(backend),
      metrics_(parts.metrics),
      logger_(parts.logger),
      attempt_timeout_(parts.config.attempt_timeout),
      least_informative_wait_(
          std::min(parts.config.attempt_timeout, parts.config.breaker.slow_call_duration)),
      breaker_(parts.config.breaker, parts.clock, parts.random,
               [this](const CircuitTransition& transition) { LogTransition(transition); }),
      bulkhead_(parts.config.bulkhead),
      retry_budget_(parts.config.retry_budget, parts.clock),
      retry_policy_(parts.config.retry, parts.random),
      faults_(parts.random),
      transport_errors_(kLogInterval) {
  DescribeCircuitBreaker(metrics_, backend_, breaker_);
  DescribeBulkhead(metrics_, backend_, bulkhead_);
  DescribeRetryBudget(metrics_, backend_, retry_budget_);
  for (const RetryVerdict verdict : kRetryVerdicts) {
    if (verdict == RetryVerdict::kNotRetriable) continue;  // most failures; no retry was thought of
    retry_verdicts_[static_cast<std::size_t>(verdict)] = &metrics_.AddCounter(
        "gateway_retry_attempts_total",
        "Failed attempts that could be made again, by what became of it.",
        {{"backend", backend_}, {"outcome", std::string(RetryVerdictName(verdict))}});
  }
}

CallOutcome BackendGuard::OutcomeOf(const absl::Status& status, Duration given) const {
  if (status.code() == absl::StatusCode::kDeadlineExceeded && given < least_informative_wait_)
    return CallOutcome::kIgnored;
  return ClassifyCall(status);
}

absl::Status BackendGuard::FindOutage() {
  if (breaker_.Snapshot().retry_after == Duration::zero()) return absl::OkStatus();
  const CircuitDecision decision = breaker_.Acquire();
  if (decision.permit) return absl::OkStatus();  // which goes back
  return CircuitOpen(backend_, decision.state, decision.retry_after);
}

absl::Status BackendGuard::FindRefusal() {
  if (!bulkhead_.TryAcquire()) {
    return BulkheadFull(backend_, bulkhead_.max_concurrent_calls());
  }
  return FindOutage();
}

bool BackendGuard::MayDivide(const absl::Status& failure) {
  return MayBeOnePartsFault(failure.code()) && retry_budget_.TryWithdraw();
}

RetryDecision BackendGuard::DecideRetry(const FailedAttempt& failed) {
  const RetryDecision decision = retry_policy_.Decide(failed, retry_budget_);
  Counter* counter = retry_verdicts_[static_cast<std::size_t>(decision.verdict)];
  if (counter != nullptr) counter->Increment();
  return decision;
}

void BackendGuard::SetFaults(const FaultRates& rates) {
  faults_.Set(rates);
  logger_.Warn("faults of the lab", {{"backend", backend_},
                                     {"latencyMs", std::int64_t{rates.latency.count()}},
                                     {"jitterMs", std::int64_t{rates.jitter.count()}},
                                     {"errorPercent", rates.error_percent},
                                     {"errorStatus", CodeName(rates.error)},
                                     {"abortPercent", rates.abort_percent}});
}

void BackendGuard::LogTransition(const CircuitTransition& transition) {
  logger_.Warn(
      "circuit breaker",
      {{"backend", backend_},
       {"from", CircuitStateName(transition.from)},
       {"to", CircuitStateName(transition.to)},
       {"calls", transition.counts.calls},
       {"failed", transition.counts.failed},
       {"slow", transition.counts.slow},
       {"openForMs", std::chrono::duration<double, std::milli>(transition.open_wait).count()}});
}

BackendCounts BackendGuard::counts() const {
  BackendCounts counts;
  counts.calls = calls_.load(std::memory_order_relaxed);
  counts.failures = failures_.load(std::memory_order_relaxed);
  counts.in_flight = bulkhead_.in_flight();
  return counts;
}

void BackendGuard::CountCall(const absl::Status& status) {
  calls_.fetch_add(1, std::memory_order_relaxed);
  if (ClassifyCall(status) == CallOutcome::kFailure) {
    failures_.fetch_add(1, std::memory_order_relaxed);
  }
}

absl::Status BackendGuard::ToClientStatus(const absl::Status& raw, bool client_gone,
                                          MonotonicTime now) {
  if (raw.ok()) return raw;
  if (raw.code() == absl::StatusCode::kCancelled && client_gone) {
    return absl::CancelledError("The client is gone.");
  }
  if (IsFromService(raw)) return raw;
  LogTransportError(raw, now);
  return TransportError(raw.code());
}

absl::Status BackendGuard::TransportError(absl::StatusCode code) const {
  const ErrorMetadata facts{{"backend", backend_}};
  switch (code) {
    case absl::StatusCode::kDeadlineExceeded:
      return WithReason(
          absl::DeadlineExceededError(StrCat("The ", backend_, " service did not answer in time.")),
          "DEADLINE_EXCEEDED", facts);
    // A service that shuts down cancels its calls; the client did not.
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnavailable:
      return WithReason(
          absl::UnavailableError(StrCat("The ", backend_, " service is not reachable.")),
          "BACKEND_UNREACHABLE", facts);
    case absl::StatusCode::kUnimplemented:
      return absl::UnimplementedError(
          StrCat("The ", backend_, " service does not know this call."));
    default:
      return absl::InternalError(StrCat("The call to the ", backend_, " service failed."));
  }
}

// A backend that is down fails every call; one line a second says as much as thousands.
void BackendGuard::LogTransportError(const absl::Status& raw, MonotonicTime now) {
  const std::optional<std::int64_t> held_back = transport_errors_.Admit(now);
  if (!held_back) return;
  logger_.Warn("Call to backend failed", {{"backend", backend_},
                                          {"code", CodeName(raw.code())},
                                          {"error", FromAbsl(raw.message())},
                                          {"heldBack", *held_back}});
}

RpcMethod::RpcMethod(BackendGuard& guard, std::string_view name, Repeat repeat, Timed timed)
    : guard_(guard),
      name_(name),
      repeat_(repeat),
      timed_(timed),
      durations_(guard.metrics(), "rpc_client_call_duration_seconds",
                 "Calls to backends, from the request for one to the end of its last attempt",
                 {{"backend", guard.backend()}, {"method", std::string(name)}}) {}

}  // namespace scaleout::gateway
