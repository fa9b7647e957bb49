// Load shedding: bounds the requests in flight in this instance by a limit that adapts, so that
// what is admitted is answered in time and the rest is refused at once.
//
// The limit follows Gradient2 of Netflix concurrency-limits. Every `window` it becomes
//
//   limit = (1 - smoothing) * limit + smoothing * (gradient * limit + queue),
//
// queue = max(queue_size, sqrt(limit)), the gradient between min_gradient (queues are long) and 1
// (there are none), the limit within [min_limit, max_limit]. The gradient is the worse of two:
//
// Latency. Each route has its own baseline, the average over its last `baseline_windows` windows,
// and its own gradient (baseline + tolerated_queueing) / (average in this window). The gradient
// is the median over requests. So a route that is slow on purpose is compared with itself, and one
// that turned slow (its backend hangs: the breaker's and bulkhead's business) moves nothing unless
// it is most of the traffic; an overloaded instance slows all its routes. The tolerance is
// absolute, not a factor: twice two milliseconds is no overload.
// As in Netflix's, it acts only while at least half of the limit is in use.
//
// Loop lag. In a gateway of few event loops, requests queue in the kernel, before they are in
// flight, and the loop's lag is how long. A gradient of tolerated_lag / (the standing lag), the
// standing lag being the *least* of a window's observations, at least three (CoDel, RFC 8289): a
// single stall, 3 s of a CPU-bound handler, is one late observation among timely ones and moves
// nothing, a loop that cannot keep up has only late ones. It acts whatever is in flight, and is the
// average over the loops that have a verdict.
//
// What a collapse costs: at the defaults the worst gradient takes a tenth of the limit a window, so
// from 256 to the bottom takes over 4 s of lasting overload, and the bottom is 2 * queue_size. When
// it ends, the limit grows by 8 a second there and by 30 near 256: to `initial_limit` by itself,
// beyond that while it is in use.
// Not guaranteed: a baseline learned under overload holds that to be normal, and a baseline
// follows an overload that lasts for minutes; the lag then still sheds.
// Thread-safe: one atomic to admit, one short lock to end a request.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_CONCURRENCY_LIMITER_H_
#define SCALEOUT_GATEWAY_RESILIENCE_CONCURRENCY_LIMITER_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "common/clock.h"

namespace scaleout::gateway {

struct ConcurrencyLimiterConfig {
  int initial_limit = 256;
  int min_limit = 4;
  int max_limit = 1024;
  double smoothing = 0.2;
  double min_gradient = 0.5;
  int queue_size = 4;
  Duration window = std::chrono::milliseconds(100);
  int window_samples = 10;      // a window with fewer requests goes on
  int baseline_windows = 3000;  // five minutes of full windows
  Duration tolerated_queueing = std::chrono::milliseconds(100);
  Duration tolerated_lag = std::chrono::milliseconds(25);
};

struct ConcurrencyLimiterSnapshot {
  int limit = 0;
  int in_flight = 0;
  double latency_gradient = 1;  // of the last window that had enough requests
  double lag_gradient = 1;      // of the last window
  std::int64_t admitted = 0;    // since the start
  std::int64_t rejected = 0;    // since the start
};

class ConcurrencyLimiter;

// One request's place. Its latency is the time since it was given plus what the request had waited
// before. Destroyed without a word it is ignored: the place is free, nothing is learned. Used by
// one thread at a time; the limiter outlives it.
class [[nodiscard]] ConcurrencyPermit {
 public:
  ConcurrencyPermit(ConcurrencyPermit&& other) noexcept
      : limiter_(std::exchange(other.limiter_, nullptr)),
        route_(other.route_),
        since_(other.since_) {}
  ConcurrencyPermit& operator=(ConcurrencyPermit&& other) noexcept;
  ~ConcurrencyPermit() { Ignore(); }

  // The route's real work was done, so that its latency says something. Only the first word counts.
  void Succeed();
  // It ran into its deadline: its latency counts as queueing, and not for the baseline. It is
  // ignored if that is no longer than the route may take: the client has set a shorter deadline, or
  // used it up with its upload, and how long the request would have taken is not known.
  void Drop();
  // Anything else: a refused field, a rejection by a breaker, a client that left.
  void Ignore();

 private:
  friend class ConcurrencyLimiter;
  ConcurrencyPermit(ConcurrencyLimiter& limiter, std::size_t route, MonotonicTime since)
      : limiter_(&limiter), route_(route), since_(since) {}

  ConcurrencyLimiter* limiter_;
  std::size_t route_;
  MonotonicTime since_;
};

class ConcurrencyLimiter {
 public:
  // Routes and loops are indices from 0. `clock` outlives the limiter.
  ConcurrencyLimiter(const ConcurrencyLimiterConfig& config, std::size_t routes, std::size_t loops,
                     const Clock& clock);
  ConcurrencyLimiter(const ConcurrencyLimiter&) = delete;
  ConcurrencyLimiter& operator=(const ConcurrencyLimiter&) = delete;

  // A place, or nothing if the limit is reached. `waited` is how long the request is known to have
  // been readable already, such as the time since its loop woke up.
  std::optional<ConcurrencyPermit> TryAcquire(std::size_t route,
                                              Duration waited = Duration::zero());

  // Each tick of each loop's lag timer (see observability/loop_lag_monitor.h).
  void ObserveLoopLag(std::size_t loop, Duration lag);

  ConcurrencyLimiterSnapshot Snapshot() const;

 private:
  friend class ConcurrencyPermit;

  enum class Outcome { kSucceeded, kDropped };

  struct RouteWindow {
    std::int64_t requests = 0;
    std::int64_t succeeded = 0;
    double latency_sum = 0;  // nanoseconds, as all below
    double succeeded_latency_sum = 0;
    double baseline = 0;
    int baseline_windows = 0;
  };
  struct LoopWindow {
    int observations = 0;
    Duration least{0};
  };
  // A route's gradient and how many requests stand behind it.
  struct Vote {
    double gradient;
    std::int64_t requests;
  };

  void Release();
  void Record(std::size_t route, MonotonicTime since, Outcome outcome);

  // All below with mutex_ held.
  void EndWindow(MonotonicTime now);
  double LatencyGradient();
  // The route's gradient; its counts start again.
  double EndRouteWindow(RouteWindow& route) const;
  void LearnBaseline(RouteWindow& route) const;
  // What the route may take. Nothing is late before it has a baseline.
  double Tolerated(const RouteWindow& route) const;
  bool IsLate(const RouteWindow& route, double latency) const;
  std::optional<double> LagGradient();

  const ConcurrencyLimiterConfig config_;
  const Clock& clock_;
  std::atomic<int> limit_;
  std::atomic<int> in_flight_{0};
  std::atomic<std::int64_t> admitted_{0};
  std::atomic<std::int64_t> rejected_{0};

  mutable std::mutex mutex_;
  double exact_limit_;
  std::vector<RouteWindow> routes_;
  std::vector<LoopWindow> loops_;
  std::vector<Vote> votes_;  // kept only for its memory
  MonotonicTime window_start_;
  std::int64_t window_requests_ = 0;
  int window_peak_ = 0;  // of in_flight_
  double latency_gradient_ = 1;
  double lag_gradient_ = 1;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_CONCURRENCY_LIMITER_H_
