#include "common/log_throttle.h"

namespace scaleout {

std::optional<std::int64_t> LogThrottle::Admit(MonotonicTime now) {
  const Duration::rep time = Duration(now.time_since_epoch()).count();
  Duration::rep next = next_.load(std::memory_order_relaxed);
  if (time < next ||
      !next_.compare_exchange_strong(next, time + interval_.count(), std::memory_order_relaxed)) {
    held_back_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  return held_back_.exchange(0, std::memory_order_relaxed);
}

}  // namespace scaleout
