#include "gateway/resilience/concurrency_limiter.h"

#include <algorithm>
#include <cmath>

namespace scaleout::gateway {
namespace {

// One or two lags may be one stall, seen by two ticks.
constexpr int kLeastObservations = 3;
// The first windows of a route count alike, or its first request would be the baseline for long.
constexpr int kWarmUpWindows = 10;
// A baseline this much above what is measured is what is left of an overload.
constexpr double kBaselineExcess = 2;
constexpr double kBaselineDecay = 0.9;

double Nanoseconds(Duration duration) { return static_cast<double>(duration.count()); }

}  // namespace

ConcurrencyPermit& ConcurrencyPermit::operator=(ConcurrencyPermit&& other) noexcept {
  if (this == &other) return *this;
  Ignore();
  limiter_ = std::exchange(other.limiter_, nullptr);
  route_ = other.route_;
  since_ = other.since_;
  return *this;
}

void ConcurrencyPermit::Succeed() {
  if (limiter_ == nullptr) return;
  limiter_->Record(route_, since_, ConcurrencyLimiter::Outcome::kSucceeded);
  Ignore();
}

void ConcurrencyPermit::Drop() {
  if (limiter_ == nullptr) return;
  limiter_->Record(route_, since_, ConcurrencyLimiter::Outcome::kDropped);
  Ignore();
}

void ConcurrencyPermit::Ignore() {
  if (limiter_ == nullptr) return;
  std::exchange(limiter_, nullptr)->Release();
}

ConcurrencyLimiter::ConcurrencyLimiter(const ConcurrencyLimiterConfig& config, std::size_t routes,
                                       std::size_t loops, const Clock& clock)
    : config_(config),
      clock_(clock),
      limit_(config.initial_limit),
      exact_limit_(config.initial_limit),
      routes_(routes),
      loops_(loops),
      window_start_(clock.Now()) {
  votes_.reserve(routes);
}

std::optional<ConcurrencyPermit> ConcurrencyLimiter::TryAcquire(std::size_t route,
                                                                Duration waited) {
  int taken = in_flight_.load(std::memory_order_relaxed);
  while (taken < limit_.load(std::memory_order_relaxed)) {
    if (in_flight_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed)) {
      admitted_.fetch_add(1, std::memory_order_relaxed);
      return ConcurrencyPermit(*this, route, clock_.Now() - waited);
    }
  }
  rejected_.fetch_add(1, std::memory_order_relaxed);
  return std::nullopt;
}

void ConcurrencyLimiter::Release() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }

void ConcurrencyLimiter::Record(std::size_t route, MonotonicTime since, Outcome outcome) {
  const MonotonicTime now = clock_.Now();
  const double latency = Nanoseconds(std::max(Duration(now - since), Duration::zero()));
  const std::lock_guard lock(mutex_);
  RouteWindow& window = routes_.at(route);
  if (outcome == Outcome::kDropped && !IsLate(window, latency)) return;
  window.requests += 1;
  window.latency_sum += latency;
  if (outcome == Outcome::kSucceeded) {
    window.succeeded += 1;
    window.succeeded_latency_sum += latency;
  }
  window_requests_ += 1;
  window_peak_ = std::max(window_peak_, in_flight_.load(std::memory_order_relaxed));
  if (now - window_start_ >= config_.window) EndWindow(now);
}

void ConcurrencyLimiter::ObserveLoopLag(std::size_t loop, Duration lag) {
  const MonotonicTime now = clock_.Now();
  const std::lock_guard lock(mutex_);
  LoopWindow& window = loops_.at(loop);
  window.least = window.observations == 0 ? lag : std::min(window.least, lag);
  window.observations += 1;
  if (now - window_start_ >= config_.window) EndWindow(now);
}

void ConcurrencyLimiter::EndWindow(MonotonicTime now) {
  const bool enough_requests = window_requests_ >= config_.window_samples;
  const std::optional<double> lag_gradient = LagGradient();
  if (!enough_requests && !lag_gradient) return;

  window_start_ = now;
  lag_gradient_ = lag_gradient.value_or(1);
  double gradient = lag_gradient_;
  bool in_use = false;
  if (enough_requests) {
    latency_gradient_ = LatencyGradient();
    in_use = window_peak_ >= exact_limit_ / 2;
    if (in_use) gradient = std::min(gradient, latency_gradient_);
    window_requests_ = 0;
    window_peak_ = 0;
  }

  const double queue = std::max<double>(config_.queue_size, std::sqrt(exact_limit_));
  double target = gradient * exact_limit_ + queue;
  if (!in_use) {
    // Without load nothing shows that the instance can do more than the initial limit.
    target = std::min(target, std::max<double>(exact_limit_, config_.initial_limit));
    if (lag_gradient_ < 1) target = std::min(target, exact_limit_);
  }
  exact_limit_ =
      std::clamp<double>((1 - config_.smoothing) * exact_limit_ + config_.smoothing * target,
                         config_.min_limit, config_.max_limit);
  limit_.store(static_cast<int>(exact_limit_), std::memory_order_relaxed);
}

// The median over requests, of two middles the better one.
double ConcurrencyLimiter::LatencyGradient() {
  votes_.clear();
  for (RouteWindow& route : routes_) {
    const std::int64_t requests = route.requests;
    if (requests > 0) votes_.push_back({EndRouteWindow(route), requests});
  }
  std::sort(votes_.begin(), votes_.end(),
            [](const Vote& a, const Vote& b) { return a.gradient > b.gradient; });
  std::int64_t counted = 0;
  for (const Vote& vote : votes_) {
    counted += vote.requests;
    if (2 * counted >= window_requests_) return vote.gradient;
  }
  return 1;
}

double ConcurrencyLimiter::EndRouteWindow(RouteWindow& route) const {
  if (route.succeeded > 0) LearnBaseline(route);
  double gradient = 1;
  const double latency = route.latency_sum / static_cast<double>(route.requests);
  if (IsLate(route, latency)) {
    gradient = std::max(Tolerated(route) / latency, config_.min_gradient);
  }
  route.requests = 0;
  route.succeeded = 0;
  route.latency_sum = 0;
  route.succeeded_latency_sum = 0;
  return gradient;
}

double ConcurrencyLimiter::Tolerated(const RouteWindow& route) const {
  return route.baseline + Nanoseconds(config_.tolerated_queueing);
}

bool ConcurrencyLimiter::IsLate(const RouteWindow& route, double latency) const {
  return route.baseline_windows > 0 && latency > Tolerated(route);
}

void ConcurrencyLimiter::LearnBaseline(RouteWindow& route) const {
  const double latency = route.succeeded_latency_sum / static_cast<double>(route.succeeded);
  if (route.baseline_windows < kWarmUpWindows) {
    route.baseline_windows += 1;
    route.baseline += (latency - route.baseline) / route.baseline_windows;
  } else {
    route.baseline += (latency - route.baseline) * 2 / (config_.baseline_windows + 1);
  }
  if (route.baseline > kBaselineExcess * latency) route.baseline *= kBaselineDecay;
}

// Nothing if no loop has been seen often enough; those go on into the next window.
std::optional<double> ConcurrencyLimiter::LagGradient() {
  double sum = 0;
  int verdicts = 0;
  for (LoopWindow& loop : loops_) {
    if (loop.observations < kLeastObservations) continue;
    double gradient = 1;
    if (loop.least > config_.tolerated_lag) {
      gradient = std::max(Nanoseconds(config_.tolerated_lag) / Nanoseconds(loop.least),
                          config_.min_gradient);
    }
    sum += gradient;
    verdicts += 1;
    loop = LoopWindow();
  }
  if (verdicts == 0) return std::nullopt;
  return sum / verdicts;
}

ConcurrencyLimiterSnapshot ConcurrencyLimiter::Snapshot() const {
  ConcurrencyLimiterSnapshot snapshot;
  snapshot.limit = limit_.load(std::memory_order_relaxed);
  snapshot.in_flight = in_flight_.load(std::memory_order_relaxed);
  snapshot.admitted = admitted_.load(std::memory_order_relaxed);
  snapshot.rejected = rejected_.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  snapshot.latency_gradient = latency_gradient_;
  snapshot.lag_gradient = lag_gradient_;
  return snapshot;
}

}  // namespace scaleout::gateway
