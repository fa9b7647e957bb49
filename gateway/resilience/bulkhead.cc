#include "gateway/resilience/bulkhead.h"

namespace scaleout::gateway {

void BulkheadPermit::Release() {
  if (bulkhead_ == nullptr) return;
  std::exchange(bulkhead_, nullptr)->in_flight_.fetch_sub(1, std::memory_order_relaxed);
}

std::optional<BulkheadPermit> Bulkhead::TryAcquire() {
  int taken = in_flight_.load(std::memory_order_relaxed);
  while (taken < config_.max_concurrent_calls) {
    if (in_flight_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed)) {
      return BulkheadPermit(*this);
    }
  }
  rejected_.fetch_add(1, std::memory_order_relaxed);
  return std::nullopt;
}

}  // namespace scaleout::gateway
