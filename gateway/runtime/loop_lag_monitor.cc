#include "gateway/runtime/loop_lag_monitor.h"

#include <algorithm>
#include <utility>

namespace scaleout::gateway {
namespace {

constexpr std::string_view kNoRoute = "none";
constexpr int kRouteBits = 16;
constexpr std::uint64_t kRouteMask = (std::uint64_t{1} << kRouteBits) - 1;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Duration::rep SinceEpoch(MonotonicTime time) { return Duration(time.time_since_epoch()).count(); }

std::vector<double> LagBounds() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};
}

std::string_view NameOf(const RouteDescription* route) {
  return route == nullptr ? kNoRoute : std::string_view(route->path);
}

std::uint64_t Pack(Duration lag, std::size_t slot) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(lag).count();
  return (static_cast<std::uint64_t>(us) << kRouteBits) | (slot & kRouteMask);
}

template <typename T>
void RaiseTo(std::atomic<T>& value, T at_least) {
  T seen = value.load(std::memory_order_relaxed);
  while (seen < at_least && !value.compare_exchange_weak(seen, at_least, std::memory_order_release,
                                                         std::memory_order_relaxed)) {
  }
}

}  // namespace

LoopLagMonitor::LoopLagMonitor(const Clock& clock, std::size_t loop, Metrics& metrics)
    : clock_(clock),
      loop_(loop),
      label_(std::to_string(loop)),
      metrics_(metrics),
      lags_(metrics.AddHistogram("gateway_event_loop_lag_seconds",
                                 "How late the loop's 10 ms timer was taken.", LagBounds(),
                                 {{"loop", label_}})) {
  const MetricLabels labels = {{"loop", label_}};
  metrics.AddCallbackGauge("gateway_event_loop_lag_max_seconds",
                           "The largest lag since the start, a running one included.", labels,
                           [this] { return Snapshot().lag_seconds_max; });
  metrics.AddCallbackGauge("gateway_event_loop_current_lag_seconds",
                           "How long the loop's next tick has been due.", labels,
                           [this] { return Seconds(CurrentLag(clock_.Now())); });
  metrics.AddCallbackGauge("gateway_event_loop_utilization_ratio",
                           "The share of the last second in which the loop did not wait.", labels,
                           [this] { return UtilizationRatio(clock_.Now()); });
}

void LoopLagMonitor::OnTick(MonotonicTime scheduled, MonotonicTime actual) {
  const Duration lag = std::max(Duration(actual - scheduled), Duration::zero());
  next_due_.store(SinceEpoch(scheduled + (lag / kLagTick + 1) * kLagTick),
                  std::memory_order_relaxed);
  ticks_.fetch_add(1, std::memory_order_release);

  lags_.Observe(Seconds(lag));
  for (Duration missed = lag - kLagTick; missed > Duration::zero(); missed -= kLagTick) {
    lags_.Observe(Seconds(missed));
  }
  RaiseTo(max_lag_, lag.count());

  const bool held_by_one = longest_hold_ * 2 >= lag;
  const std::size_t blamed = SlotOf(held_by_one ? longest_holder_ : nullptr);
  RaiseTo(worst_, Pack(lag, blamed));
  if (lag > kStallThreshold) {
    stalls_.fetch_add(1, std::memory_order_relaxed);
    CountStall(routes_[blamed], Seconds(lag));
  }
  longest_hold_ = Duration::zero();
  longest_holder_ = nullptr;
}

void LoopLagMonitor::CountStall(RouteStalls& stalls, double seconds) {
  if (stalls.count == nullptr) {
    const std::string_view name = NameOf(stalls.route.load(std::memory_order_relaxed));
    const MetricLabels labels = {{"loop", label_}, {"route", std::string(name)}};
    stalls.count =
        &metrics_.AddCounter("gateway_event_loop_stalls_total",
                             "Lags over 25 ms, by the route that held the loop.", labels);
    stalls.seconds =
        &metrics_.AddCounter("gateway_event_loop_stall_seconds_total", "Their sum.", labels);
  }
  stalls.count->Increment();
  stalls.seconds->Increment(seconds);
}

void LoopLagMonitor::EnterRoute(const RouteDescription& route) {
  EndHold();
  hold_start_ = clock_.Now();
  holder_.store(&route, std::memory_order_relaxed);
}

void LoopLagMonitor::LeaveRoute() {
  EndHold();
  holder_.store(nullptr, std::memory_order_relaxed);
}

void LoopLagMonitor::EndHold() {
  const RouteDescription* const holder = holder_.load(std::memory_order_relaxed);
  if (holder == nullptr) return;
  const Duration held = clock_.Now() - hold_start_;
  if (held <= longest_hold_) return;
  longest_hold_ = held;
  longest_holder_ = holder;
}

Duration LoopLagMonitor::CurrentLag(MonotonicTime now) const {
  const Duration::rep due = next_due_.load(std::memory_order_relaxed);
  if (due == 0) return Duration::zero();
  return std::max(Duration(SinceEpoch(now) - due), Duration::zero());
}

LoopLagSnapshot LoopLagMonitor::Snapshot() const {
  const MonotonicTime now = clock_.Now();
  const Duration current = CurrentLag(now);
  LoopLagSnapshot snapshot;
  snapshot.loop = loop_;
  snapshot.lag_seconds_current = Seconds(current);
  if (const std::uint64_t count = lags_.count(); count != 0) {
    snapshot.lag_seconds_mean = lags_.sum() / static_cast<double>(count);
  }
  snapshot.lag_seconds_max =
      Seconds(std::max(current, Duration(max_lag_.load(std::memory_order_relaxed))));
  // Interpolated in a bucket, a quantile could come out above all that was ever seen.
  snapshot.lag_seconds_p50 = std::min(lags_.Quantile(0.5), snapshot.lag_seconds_max);
  snapshot.lag_seconds_p99 = std::min(lags_.Quantile(0.99), snapshot.lag_seconds_max);
  snapshot.utilization_ratio = utilization_.Ratio(now);
  snapshot.stalls = stalls_.load(std::memory_order_relaxed);
  const RouteDescription* const holder = holder_.load(std::memory_order_relaxed);
  if (holder != nullptr) snapshot.holding_route = holder->path;
  return snapshot;
}

LoopObservation LoopLagMonitor::TakeObservation(MonotonicTime now) {
  LoopObservation observation;
  observation.ticks = ticks_.load(std::memory_order_acquire);
  // The route before the lag: a loop that goes on in between is at worst said to be on time.
  const RouteDescription* const holder = holder_.load(std::memory_order_relaxed);
  const Duration current = CurrentLag(now);
  const std::uint64_t worst = worst_.exchange(0, std::memory_order_acquire);
  const Duration worst_lag = std::chrono::microseconds(worst >> kRouteBits);
  const bool runs = current >= worst_lag;
  observation.lag = runs ? current : worst_lag;
  const std::atomic<const RouteDescription*>& blamed = routes_[worst & kRouteMask].route;
  observation.route = NameOf(runs ? holder : blamed.load(std::memory_order_relaxed));
  return observation;
}

std::size_t LoopLagMonitor::SlotOf(const RouteDescription* route) {
  for (std::size_t slot = 0; slot < slots_; ++slot) {
    if (routes_[slot].route.load(std::memory_order_relaxed) == route) return slot;
  }
  if (slots_ == routes_.size()) return 0;
  routes_[slots_].route.store(route, std::memory_order_relaxed);  // published with worst_
  return slots_++;
}

}  // namespace scaleout::gateway
