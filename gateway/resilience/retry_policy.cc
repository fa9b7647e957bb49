#include "gateway/resilience/retry_policy.h"

#include <algorithm>
#include <utility>

#include "gateway/resilience/call_outcome.h"

namespace scaleout::gateway {

std::string_view RetryVerdictName(RetryVerdict verdict) {
  switch (verdict) {
    case RetryVerdict::kRetry:
      return "retry";
    case RetryVerdict::kNotRetriable:
      return "not_retriable";
    case RetryVerdict::kNoAttemptsLeft:
      return "no_attempts_left";
    case RetryVerdict::kDeadline:
      return "deadline";
    case RetryVerdict::kNoBudget:
      return "no_budget";
  }
  return "unknown";
}

RetryPolicy::RetryPolicy(const RetryPolicyConfig& config, RandomSource random)
    : config_(config), random_(std::move(random)) {}

RetryDecision RetryPolicy::Decide(const FailedAttempt& failed, RetryBudget& budget) const {
  if (failed.status.code() != absl::StatusCode::kUnavailable || !failed.idempotent ||
      IsLoadShedding(failed.status) || IsWaitingForAnother(failed.status)) {
    return {RetryVerdict::kNotRetriable};
  }
  if (failed.attempt >= config_.max_attempts) return {RetryVerdict::kNoAttemptsLeft};
  const auto bound = static_cast<double>(PauseBound(failed.attempt).count());
  const Duration pause(static_cast<Duration::rep>(bound * random_()));
  if (pause >= failed.remaining) return {RetryVerdict::kDeadline};
  if (!budget.TryWithdraw()) return {RetryVerdict::kNoBudget};
  return {RetryVerdict::kRetry, pause};
}

Duration RetryPolicy::PauseBound(int attempt) const {
  Duration bound = std::min(config_.backoff, config_.backoff_max);
  for (int i = 1; i < attempt && bound < config_.backoff_max; ++i) {
    bound = std::min(bound * 2, config_.backoff_max);
  }
  return bound;
}

}  // namespace scaleout::gateway
