// What the probes ask: is this instance alive (/livez), and should it be sent requests (/readyz)?
//
// Ready means started and not draining. A backend that is down changes neither: it is down for all
// instances alike, and taking all of them out of the balancer would not help. Thread-safe.
#ifndef SCALEOUT_GATEWAY_OBSERVABILITY_READINESS_H_
#define SCALEOUT_GATEWAY_OBSERVABILITY_READINESS_H_

#include <atomic>
#include <functional>
#include <utility>

namespace scaleout::gateway {

class Readiness {
 public:
  // `loops_progress` says whether every event loop has moved lately; called from any thread.
  explicit Readiness(std::function<bool()> loops_progress)
      : loops_progress_(std::move(loops_progress)) {}

  void SetStarted() { started_.store(true, std::memory_order_release); }
  // For good: a drain ends with the process.
  void SetDraining() { draining_.store(true, std::memory_order_release); }

  bool started() const { return started_.load(std::memory_order_acquire); }
  bool draining() const { return draining_.load(std::memory_order_acquire); }
  bool ready() const { return started() && !draining(); }
  bool live() const { return loops_progress_(); }

 private:
  const std::function<bool()> loops_progress_;
  std::atomic<bool> started_{false};
  std::atomic<bool> draining_{false};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_OBSERVABILITY_READINESS_H_
