// Decides whether a failed attempt is made again, and when.
//
// Only UNAVAILABLE is retried: the backend did not take the call, another replica may; but not
// where the service sheds load or waits for redis-state (call_outcome.h). Only calls that do no
// harm twice; never past the deadline; never without budget. What this gateway refuses itself never
// comes here: no attempt was made. The pause has full jitter: uniform between nothing and a bound
// that doubles (AWS Architecture Blog, "Exponential Backoff And Jitter"). Immutable, so
// thread-safe.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_RETRY_POLICY_H_
#define SCALEOUT_GATEWAY_RESILIENCE_RETRY_POLICY_H_

#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "common/clock.h"
#include "gateway/resilience/random_source.h"
#include "gateway/resilience/retry_budget.h"

namespace scaleout::gateway {

struct RetryPolicyConfig {
  int max_attempts = 3;  // the first one included
  Duration backoff = std::chrono::milliseconds(25);
  Duration backoff_max = std::chrono::milliseconds(250);
};

// What is known of an attempt that failed.
struct FailedAttempt {
  FailedAttempt(int attempt_in, absl::Status status_in, bool idempotent_in, Duration remaining_in)
      : attempt(attempt_in),
        status(std::move(status_in)),
        idempotent(idempotent_in),
        remaining(remaining_in) {}

  int attempt;  // 1 for the first
  absl::Status status;
  bool idempotent;     // by contract, or by its idempotency key
  Duration remaining;  // until the call's deadline
};

enum class RetryVerdict {
  kRetry,
  kNotRetriable,  // because of the status or the call
  kNoAttemptsLeft,
  kDeadline,  // the pause would outlast it
  kNoBudget,
};

inline constexpr std::array kRetryVerdicts = {RetryVerdict::kRetry, RetryVerdict::kNotRetriable,
                                              RetryVerdict::kNoAttemptsLeft,
                                              RetryVerdict::kDeadline, RetryVerdict::kNoBudget};

// "retry", "not_retriable", "no_attempts_left", "deadline", "no_budget": label values.
std::string_view RetryVerdictName(RetryVerdict verdict);

struct RetryDecision {
  RetryVerdict verdict = RetryVerdict::kNotRetriable;
  Duration pause{0};  // before the next attempt; only for kRetry
};

class RetryPolicy {
 public:
  RetryPolicy(const RetryPolicyConfig& config, RandomSource random);

  // Takes from `budget` only where everything else speaks for a retry.
  RetryDecision Decide(const FailedAttempt& failed, RetryBudget& budget) const;

  // The longest pause after the attempt: backoff, doubled for each further attempt, capped.
  Duration PauseBound(int attempt) const;

 private:
  const RetryPolicyConfig config_;
  const RandomSource random_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_RETRY_POLICY_H_
