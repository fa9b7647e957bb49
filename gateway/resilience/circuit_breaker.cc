#include "gateway/resilience/circuit_breaker.h"

#include <algorithm>

namespace scaleout::gateway {

std::string_view CircuitStateName(CircuitState state) {
  switch (state) {
    case CircuitState::kClosed:
      return "CLOSED";
    case CircuitState::kOpen:
      return "OPEN";
    case CircuitState::kHalfOpen:
      return "HALF_OPEN";
    case CircuitState::kDisabled:
      return "DISABLED";
    case CircuitState::kForcedOpen:
      return "FORCED_OPEN";
  }
  return "UNKNOWN";
}

CircuitPermit& CircuitPermit::operator=(CircuitPermit&& other) noexcept {
  if (this == &other) return *this;
  Finish(CallOutcome::kIgnored);
  breaker_ = std::exchange(other.breaker_, nullptr);
  generation_ = other.generation_;
  lease_ = other.lease_;
  since_ = other.since_;
  return *this;
}

void CircuitPermit::Finish(CallOutcome outcome) {
  if (breaker_ != nullptr) Finish(outcome, breaker_->clock_.Now());
}

void CircuitPermit::Finish(CallOutcome outcome, MonotonicTime ended, std::int64_t requests) {
  if (breaker_ == nullptr) return;
  std::exchange(breaker_, nullptr)->Finish(generation_, lease_, ended - since_, outcome, requests);
}

CircuitBreaker::CircuitBreaker(const CircuitBreakerConfig& config, const Clock& clock,
                               RandomSource random, TransitionListener listener)
    : config_(config),
      clock_(clock),
      random_(std::move(random)),
      listener_(std::move(listener)),
      window_(config.sliding_window, config.sliding_window_buckets),
      next_open_wait_(config.open_wait) {
  leases_.reserve(static_cast<std::size_t>(config.half_open_permits));
}

CircuitDecision CircuitBreaker::Acquire() {
  const MonotonicTime now = clock_.Now();
  Transitions happened;
  CircuitDecision decision = [&] {
    const std::lock_guard lock(mutex_);
    return AcquireLocked(now, happened);
  }();
  Notify(happened);
  return decision;
}

CircuitDecision CircuitBreaker::AcquireLocked(MonotonicTime now, Transitions& happened) {
  ExpireHalfOpen(now, happened);
  if (state_ == CircuitState::kOpen && now >= open_until_) {
    half_open_since_ = now;
    Enter(CircuitState::kHalfOpen, cause_, happened);
  }
  switch (state_) {
    case CircuitState::kClosed:
    case CircuitState::kDisabled:
      return {CircuitPermit(*this, generation_, 0, now), state_, Duration::zero()};
    case CircuitState::kHalfOpen:
      if (HasProbesLeft()) return {Lend(now), state_, Duration::zero()};
      break;
    case CircuitState::kOpen:
    case CircuitState::kForcedOpen:
      break;
  }
  totals_.not_permitted += 1;
  return {std::nullopt, state_, RetryAfter(now)};
}

CircuitPermit CircuitBreaker::Lend(MonotonicTime now) {
  leases_.push_back(Lease{++last_lease_, now});
  return CircuitPermit(*this, generation_, last_lease_, now);
}

void CircuitBreaker::Finish(std::uint64_t generation, std::uint64_t lease, Duration took,
                            CallOutcome outcome, std::int64_t requests) {
  const MonotonicTime now = clock_.Now();
  const bool slow = took > config_.slow_call_duration;
  Transitions happened;
  {
    const std::lock_guard lock(mutex_);
    switch (outcome) {
      case CallOutcome::kSuccess:
        totals_.successful += requests;
        break;
      case CallOutcome::kFailure:
        totals_.failed += requests;
        break;
      case CallOutcome::kIgnored:
        totals_.ignored += requests;
        break;
    }
    // First, so that an answer that comes after its lease has ended finds another generation.
    ExpireHalfOpen(now, happened);
    if (generation == generation_) {
      std::erase_if(leases_, [lease](const Lease& held) { return held.id == lease; });
      if (outcome != CallOutcome::kIgnored) {
        RecordLocked(now, outcome == CallOutcome::kFailure, slow, requests, happened);
      }
    }
  }
  Notify(happened);
}

void CircuitBreaker::RecordLocked(MonotonicTime now, bool failed, bool slow, std::int64_t requests,
                                  Transitions& happened) {
  if (state_ == CircuitState::kClosed) {
    window_.Record(now, failed, slow, requests);
    const CallCounts& counts = window_.Totals(now);
    if (counts.calls >= config_.minimum_calls && Tripped(counts)) Open(now, counts, happened);
  } else if (state_ == CircuitState::kHalfOpen) {
    probes_.Add(failed, slow);
    if (probes_.calls >= config_.half_open_permits) DecideHalfOpen(now, happened);
  }
}

void CircuitBreaker::ExpireHalfOpen(MonotonicTime now, Transitions& happened) {
  if (state_ != CircuitState::kHalfOpen) return;
  // As of the moment when the state ended, however late the next caller comes.
  const MonotonicTime end = half_open_since_ + config_.half_open_max;
  if (now < end) return;
  for (const Lease& lease : leases_) {
    if (end - lease.since >= config_.slow_call_duration) probes_.Add(true, true);
  }
  DecideHalfOpen(end, happened);
}

void CircuitBreaker::DecideHalfOpen(MonotonicTime now, Transitions& happened) {
  const CallCounts counts = probes_;
  if (counts.calls == 0) {
    // Nothing was learned, so nothing speaks for a longer wait.
    Open(now, counts, happened);
  } else if (Tripped(counts)) {
    next_open_wait_ = std::min(next_open_wait_ * 2, config_.open_wait_max);
    Open(now, counts, happened);
  } else {
    Enter(CircuitState::kClosed, counts, happened);
  }
}

void CircuitBreaker::Open(MonotonicTime now, const CallCounts& cause, Transitions& happened) {
  cause_ = cause;
  const Duration wait = JitteredWait();
  open_until_ = now + wait;
  Enter(CircuitState::kOpen, cause_, happened);
  happened.back().open_wait = wait;
}

// `cause` may be a reference to what is cleared here.
void CircuitBreaker::Enter(CircuitState state, const CallCounts& cause, Transitions& happened) {
  CircuitTransition transition;
  transition.from = state_;
  transition.to = state;
  transition.counts = cause;
  transition.sequence = ++generation_;
  totals_.transitions[static_cast<std::size_t>(state_)][static_cast<std::size_t>(state)] += 1;
  state_ = state;
  window_.Clear();
  probes_ = CallCounts();
  leases_.clear();
  if (state == CircuitState::kClosed) next_open_wait_ = config_.open_wait;
  happened.push_back(transition);
}

bool CircuitBreaker::Tripped(const CallCounts& counts) const {
  return counts.FailureRatio() >= config_.failure_rate_threshold ||
         counts.SlowRatio() >= config_.slow_call_rate_threshold;
}

bool CircuitBreaker::HasProbesLeft() const {
  return probes_.calls + static_cast<std::int64_t>(leases_.size()) < config_.half_open_permits;
}

CallCounts CircuitBreaker::CountsNow(MonotonicTime now) {
  if (state_ == CircuitState::kClosed) return window_.Totals(now);
  if (state_ == CircuitState::kOpen) return cause_;
  if (state_ == CircuitState::kHalfOpen) return probes_;
  return {};
}

// Where the jitter would pass the maximum, the range ends there: the waits of several instances
// still differ, which those cut off at the maximum would not.
Duration CircuitBreaker::JitteredWait() {
  const auto base = static_cast<double>(next_open_wait_.count());
  const double low = base * (1 - config_.open_wait_jitter);
  const double high = std::min(base * (1 + config_.open_wait_jitter),
                               static_cast<double>(config_.open_wait_max.count()));
  return Duration(static_cast<Duration::rep>(low + (high - low) * random_()));
}

Duration CircuitBreaker::RetryAfter(MonotonicTime now) const {
  switch (state_) {
    case CircuitState::kOpen:
      return std::max(Duration(open_until_ - now), Duration::zero());
    case CircuitState::kHalfOpen:
      if (HasProbesLeft()) break;
      return std::min(config_.slow_call_duration,
                      Duration(half_open_since_ + config_.half_open_max - now));
    case CircuitState::kForcedOpen:
      return config_.open_wait;
    case CircuitState::kClosed:
    case CircuitState::kDisabled:
      break;
  }
  return Duration::zero();
}

void CircuitBreaker::ForceOpen() { Control(CircuitState::kForcedOpen); }
void CircuitBreaker::Disable() { Control(CircuitState::kDisabled); }
void CircuitBreaker::Reset() { Control(CircuitState::kClosed); }

void CircuitBreaker::Control(CircuitState state) {
  const MonotonicTime now = clock_.Now();
  Transitions happened;
  {
    const std::lock_guard lock(mutex_);
    ExpireHalfOpen(now, happened);
    if (state_ != state) {
      Enter(state, CountsNow(now), happened);
    } else if (state == CircuitState::kClosed) {
      window_.Clear();
    }
  }
  Notify(happened);
}

CircuitSnapshot CircuitBreaker::Snapshot() {
  const MonotonicTime now = clock_.Now();
  Transitions happened;
  CircuitSnapshot snapshot;
  {
    const std::lock_guard lock(mutex_);
    ExpireHalfOpen(now, happened);
    snapshot = totals_;
    snapshot.state = state_;
    snapshot.counts = CountsNow(now);
    snapshot.retry_after = RetryAfter(now);
  }
  Notify(happened);
  return snapshot;
}

void CircuitBreaker::Notify(const Transitions& happened) const {
  if (!listener_) return;
  for (const CircuitTransition& transition : happened) listener_(transition);
}

}  // namespace scaleout::gateway
