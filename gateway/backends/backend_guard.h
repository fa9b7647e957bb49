// What all calls to one service share: breaker, bulkhead and retries, counts and metrics, and their
// way of failing.
//
// One guard per (gateway instance, backend), made at start and shared by all loops; RpcMethod is
// one RPC of it. GuardedCall (guarded_call.h) is the only caller. Knows no gRPC, so that
// /api/metrics can read it. Thread-safe.
#ifndef SCALEOUT_GATEWAY_BACKENDS_BACKEND_GUARD_H_
#define SCALEOUT_GATEWAY_BACKENDS_BACKEND_GUARD_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/call_durations.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/log_throttle.h"
#include "common/metrics.h"
#include "gateway/resilience/bulkhead.h"
#include "gateway/resilience/call_outcome.h"
#include "gateway/resilience/circuit_breaker.h"
#include "gateway/resilience/injected_faults.h"
#include "gateway/resilience/random_source.h"
#include "gateway/resilience/resilience_config.h"
#include "gateway/resilience/retry_budget.h"
#include "gateway/resilience/retry_policy.h"

namespace scaleout::gateway {

// Calls of which at least one attempt was sent. `calls` and `failures` ended since the start;
// failures are as call_outcome.h says, of the call's last attempt.
struct BackendCounts {
  std::int64_t calls = 0;
  std::int64_t failures = 0;
  std::int64_t in_flight = 0;
};

// What a guard is made of. The references outlive it.
struct GuardParts {
  const ResilienceConfig& config;
  const Clock& clock;
  RandomSource random;
  Metrics& metrics;
  Logger& logger;
};

class BackendGuard {
 public:
  // `backend` is the name in metrics, logs and problems: "user".
  BackendGuard(std::string_view backend, const GuardParts& parts);
  BackendGuard(const BackendGuard&) = delete;
  BackendGuard& operator=(const BackendGuard&) = delete;

  const std::string& backend() const { return backend_; }
  BackendCounts counts() const;

  // The status for the client of a call that ended with `raw`. The service's own is unchanged; what
  // gRPC said, which names sockets and its own insides, becomes a clean sentence and is logged, at
  // most once a second. A status that gRPC makes too counts as the service's if it carries details.
  // `client_gone`: this side has cancelled the call.
  absl::Status ToClientStatus(const absl::Status& raw, bool client_gone, MonotonicTime now);

  // Counts a call that has ended with `status`; GuardedCall's.
  void CountCall(const absl::Status& status);

  // What the end of an attempt that had `given` of time says about the backend. DEADLINE_EXCEEDED
  // within less than a slow call's duration says nothing, unless the guard's own attempt timeout is
  // that short: a client with a deadline that no answer can meet must not open the circuit for all
  // others.
  CallOutcome OutcomeOf(const absl::Status& status, Duration given) const;

  // The status for the client of a call that would be refused now because the circuit is open,
  // counted as that call; OK if it would not.
  absl::Status FindOutage();
  // As well of one that would be refused now because too many are in flight.
  absl::Status FindRefusal();

  // The status for the client of a call that gRPC gives up at its deadline.
  absl::Status TimedOut() const { return TransportError(absl::StatusCode::kDeadlineExceeded); }

  CircuitBreaker& breaker() { return breaker_; }
  Bulkhead& bulkhead() { return bulkhead_; }
  RetryBudget& retry_budget() { return retry_budget_; }
  // Whether a call for several requests that failed so is to be asked again in parts; paid for from
  // the retry budget. Only for what one part may be at fault for: INTERNAL, UNKNOWN,
  // INVALID_ARGUMENT.
  bool MayDivide(const absl::Status& failure);
  // Whether and when a failed attempt is made again; counted.
  RetryDecision DecideRetry(const FailedAttempt& failed);
  // Of the lab; what is set is logged.
  const InjectedFaults& faults() const { return faults_; }
  void SetFaults(const FaultRates& rates);
  // How long one attempt may take, within the call's deadline.
  Duration attempt_timeout() const { return attempt_timeout_; }

  Metrics& metrics() { return metrics_; }

 private:
  void LogTransition(const CircuitTransition& transition);
  absl::Status TransportError(absl::StatusCode code) const;
  void LogTransportError(const absl::Status& raw, MonotonicTime now);

  const std::string backend_;
  Metrics& metrics_;
  Logger& logger_;
  const Duration attempt_timeout_;
  const Duration least_informative_wait_;  // after less, a timeout says nothing about the backend
  CircuitBreaker breaker_;
  Bulkhead bulkhead_;
  RetryBudget retry_budget_;
  const RetryPolicy retry_policy_;
  InjectedFaults faults_;
  std::array<Counter*, kRetryVerdicts.size()> retry_verdicts_{};
  std::atomic<std::int64_t> calls_{0};
  std::atomic<std::int64_t> failures_{0};
  LogThrottle transport_errors_;
};

// Whether a call may be made again when its outcome is not known. kWithKey: if its request
// carries an idempotency key.
enum class Repeat { kNever, kWithKey, kSafe };

// What is timed under a method's name: its calls, or the reads that a coalescer makes calls of.
enum class Timed { kCalls, kReads };

class RpcMethod {
 public:
  // `name` is a literal: "GetUser". `guard` outlives the method.
  RpcMethod(BackendGuard& guard, std::string_view name, Repeat repeat, Timed timed = Timed::kCalls);

  BackendGuard& guard() const { return guard_; }
  std::string_view name() const { return name_; }
  Repeat repeat() const { return repeat_; }

  // rpc_client_call_duration_seconds{backend,method,code}, each for what is timed.
  void ObserveCall(absl::StatusCode code, Duration took) {
    if (timed_ == Timed::kCalls) durations_.Observe(code, took);
  }
  void ObserveRead(absl::StatusCode code, Duration took) {
    if (timed_ == Timed::kReads) durations_.Observe(code, took);
  }

 private:
  BackendGuard& guard_;
  const std::string_view name_;
  const Repeat repeat_;
  const Timed timed_;
  CallDurations durations_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_BACKEND_GUARD_H_
