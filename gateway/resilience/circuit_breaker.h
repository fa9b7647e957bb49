// A circuit breaker: stops calling a backend that fails, and finds out when it works again.
//
//   CLOSED       calls are permitted and counted in a sliding window; too many failed or slow: OPEN
//   OPEN         calls are refused; after the wait the next one makes it HALF_OPEN
//   HALF_OPEN    a few calls are permitted as probes; when all have ended, or after max_half_open
//   on what
//                has ended by then, the same thresholds decide: CLOSED, or OPEN for twice as long
//   DISABLED     calls decide nothing;  FORCED_OPEN  calls are refused; both until Reset()
//
// A permit belongs to the generation (a state, from its entry to its exit) that gave it, and its
// outcome decides nothing after that. Time moves states when a method is called; nothing runs by
// itself and no state lasts for ever on lost permits. Thread-safe: all loops share one breaker per
// backend; a permit taken and answered costs two short locks.
// Names and semantics are resilience4j's, the generations sony/gobreaker's.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_CIRCUIT_BREAKER_H_
#define SCALEOUT_GATEWAY_RESILIENCE_CIRCUIT_BREAKER_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "gateway/resilience/call_outcome.h"
#include "gateway/resilience/random_source.h"
#include "gateway/resilience/sliding_window.h"

namespace scaleout::gateway {

enum class CircuitState { kClosed, kOpen, kHalfOpen, kDisabled, kForcedOpen };

inline constexpr std::array kCircuitStates = {CircuitState::kClosed, CircuitState::kOpen,
                                              CircuitState::kHalfOpen, CircuitState::kDisabled,
                                              CircuitState::kForcedOpen};

// "HALF_OPEN".
std::string_view CircuitStateName(CircuitState state);

// A ratio that no calls reach.
inline constexpr double kNeverSlow = 2;

// The defaults are the product's. Ratios are in (0, 1] and reached, not passed: half of the calls
// is enough for 0.5.
struct CircuitBreakerConfig {
  Duration sliding_window = std::chrono::seconds(10);
  int sliding_window_buckets = 10;
  int minimum_calls = 20;
  double failure_rate_threshold = 0.5;
  double slow_call_rate_threshold = 0.8;
  // A call that takes longer is slow. A slow success counts towards the slow ratio only.
  Duration slow_call_duration = std::chrono::seconds(1);
  // OPEN lasts this long, twice as long after each HALF_OPEN that fails, never longer than the
  // maximum, and again this long after a close. Each wait is uniform within +-jitter.
  Duration open_wait = std::chrono::seconds(5);
  Duration open_wait_max = std::chrono::seconds(60);
  double open_wait_jitter = 0.2;
  int half_open_permits = 3;
  Duration half_open_max = std::chrono::seconds(10);
};

// One change of state, with what caused it.
struct CircuitTransition {
  CircuitState from = CircuitState::kClosed;
  CircuitState to = CircuitState::kClosed;
  CallCounts counts;           // the window's or the probes', as they stood
  Duration open_wait{0};       // if `to` is OPEN: for how long
  std::uint64_t sequence = 0;  // 1 for the breaker's first
};

struct CircuitSnapshot {
  CircuitState state = CircuitState::kClosed;
  // CLOSED: the window's. HALF_OPEN: the probes'. OPEN: those that opened it. Otherwise none.
  CallCounts counts;
  Duration retry_after{0};  // for a call that is refused now; 0 if one would be permitted
  // Since the start, whatever the state. A call counts when it ends, dropped outcomes too.
  std::int64_t successful = 0;
  std::int64_t failed = 0;
  std::int64_t ignored = 0;
  std::int64_t not_permitted = 0;
  // [from][to]
  std::array<std::array<std::int64_t, kCircuitStates.size()>, kCircuitStates.size()> transitions{};

  std::int64_t TransitionsOf(CircuitState from, CircuitState to) const {
    return transitions[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
  }
};

class CircuitBreaker;

// The right to make one call. Destroyed unanswered it counts as CANCELLED: ignored, and the
// permit goes back. In HALF_OPEN it is a lease: unanswered when the state has lasted half_open_max
// it is lost, and counts as failed if it was out for slow_call_duration. Used by one thread at a
// time; the breaker outlives it.
class [[nodiscard]] CircuitPermit {
 public:
  CircuitPermit(CircuitPermit&& other) noexcept
      : breaker_(std::exchange(other.breaker_, nullptr)),
        generation_(other.generation_),
        lease_(other.lease_),
        since_(other.since_) {}
  CircuitPermit& operator=(CircuitPermit&& other) noexcept;
  ~CircuitPermit() { Finish(CallOutcome::kIgnored); }

  // Only the first answer counts. The call's duration is the time since the permit was given, until
  // now or until it `ended`: what its caller was late to notice is not the backend's.
  void Finish(CallOutcome outcome);
  // A call that was made for several requests together counts as so many calls. In HALF_OPEN it is
  // one probe all the same.
  void Finish(CallOutcome outcome, MonotonicTime ended, std::int64_t requests = 1);

 private:
  friend class CircuitBreaker;
  CircuitPermit(CircuitBreaker& breaker, std::uint64_t generation, std::uint64_t lease,
                MonotonicTime since)
      : breaker_(&breaker), generation_(generation), lease_(lease), since_(since) {}

  CircuitBreaker* breaker_;
  std::uint64_t generation_;
  std::uint64_t lease_;
  MonotonicTime since_;
};

// A permit, or why there is none.
struct CircuitDecision {
  std::optional<CircuitPermit> permit;
  CircuitState state = CircuitState::kClosed;
  // Until the next probe may pass: the rest of the wait in OPEN; a guess (the duration of a slow
  // call) in HALF_OPEN; open_wait in FORCED_OPEN, which has no end of its own.
  Duration retry_after{0};
};

class CircuitBreaker {
 public:
  // Called for each transition by the thread that caused it, after it, without a lock held: two
  // threads may report two transitions in either order, and `sequence` has the true one.
  using TransitionListener = std::function<void(const CircuitTransition&)>;

  // `clock` outlives the breaker; `listener` may be empty.
  CircuitBreaker(const CircuitBreakerConfig& config, const Clock& clock, RandomSource random,
                 TransitionListener listener);
  CircuitBreaker(const CircuitBreaker&) = delete;
  CircuitBreaker& operator=(const CircuitBreaker&) = delete;

  CircuitDecision Acquire();

  void ForceOpen();
  void Disable();
  // To CLOSED from anywhere, with an empty window and the first wait.
  void Reset();

  CircuitState state() { return Snapshot().state; }
  CircuitSnapshot Snapshot();

 private:
  friend class CircuitPermit;

  struct Lease {
    std::uint64_t id;
    MonotonicTime since;
  };
  using Transitions = std::vector<CircuitTransition>;

  void Finish(std::uint64_t generation, std::uint64_t lease, Duration took, CallOutcome outcome,
              std::int64_t requests);
  void Control(CircuitState state);

  // All below with mutex_ held.
  CircuitDecision AcquireLocked(MonotonicTime now, Transitions& happened);
  void RecordLocked(MonotonicTime now, bool failed, bool slow, std::int64_t requests,
                    Transitions& happened);
  CircuitPermit Lend(MonotonicTime now);
  void ExpireHalfOpen(MonotonicTime now, Transitions& happened);
  void DecideHalfOpen(MonotonicTime now, Transitions& happened);
  void Open(MonotonicTime now, const CallCounts& cause, Transitions& happened);
  void Enter(CircuitState state, const CallCounts& cause, Transitions& happened);
  bool Tripped(const CallCounts& counts) const;
  bool HasProbesLeft() const;
  CallCounts CountsNow(MonotonicTime now);
  Duration JitteredWait();
  Duration RetryAfter(MonotonicTime now) const;

  void Notify(const Transitions& happened) const;

  const CircuitBreakerConfig config_;
  const Clock& clock_;
  const RandomSource random_;
  const TransitionListener listener_;

  std::mutex mutex_;
  CircuitState state_ = CircuitState::kClosed;
  std::uint64_t generation_ = 0;
  std::uint64_t last_lease_ = 0;
  SlidingWindow window_;           // CLOSED
  CallCounts cause_;               // OPEN
  MonotonicTime open_until_;       // OPEN
  Duration next_open_wait_;        // before jitter
  CallCounts probes_;              // HALF_OPEN: those that ended
  std::vector<Lease> leases_;      // HALF_OPEN: those that have not
  MonotonicTime half_open_since_;  // HALF_OPEN
  CircuitSnapshot totals_;         // only what is counted since the start
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_CIRCUIT_BREAKER_H_
