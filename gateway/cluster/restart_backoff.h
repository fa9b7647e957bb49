// When a worker that died may be started again: at once after a long life, later and later after
// short ones.
//
// The n-th short life in a row waits first * 2^(n-1), at most max. A life of at least
// `healthy_after` forgets the past. Without it a worker that dies at its start (a port that is
// taken, a configuration that no longer loads) would be started thousands of times a second; with
// `max` it is tried often enough to be back soon after the cause is gone. There is no last try: a
// supervisor without workers serves nothing, so it goes on. Pure; one object a worker, one thread.
#ifndef SCALEOUT_GATEWAY_CLUSTER_RESTART_BACKOFF_H_
#define SCALEOUT_GATEWAY_CLUSTER_RESTART_BACKOFF_H_

#include <algorithm>
#include <chrono>

#include "common/clock.h"

namespace scaleout::gateway {

// first <= max.
struct RestartBackoffConfig {
  Duration first = std::chrono::milliseconds(100);
  Duration max = std::chrono::seconds(10);
  Duration healthy_after = std::chrono::seconds(10);
};

class RestartBackoff {
 public:
  explicit RestartBackoff(const RestartBackoffConfig& config)
      : config_(config), next_(config.first) {}

  // How long to wait after a life of `lived`.
  Duration OnDeath(Duration lived) {
    if (lived >= config_.healthy_after) next_ = config_.first;
    const Duration wait = next_;
    next_ = std::min(next_ * 2, config_.max);
    return wait;
  }

 private:
  const RestartBackoffConfig config_;
  Duration next_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_CLUSTER_RESTART_BACKOFF_H_
