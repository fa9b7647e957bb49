// A bulkhead: bounds the calls in flight to one backend, so that a slow backend cannot take every
// request of the gateway with it. A call over the bound is refused at once; nothing waits.
//
// Shared by all loops; thread-safe and lock-free. The count never passes the bound.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_BULKHEAD_H_
#define SCALEOUT_GATEWAY_RESILIENCE_BULKHEAD_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace scaleout::gateway {

struct BulkheadConfig {
  int max_concurrent_calls = 256;
};

class Bulkhead;

// One call's place; destroyed or released, it is free again. The bulkhead outlives it.
class [[nodiscard]] BulkheadPermit {
 public:
  BulkheadPermit(BulkheadPermit&& other) noexcept
      : bulkhead_(std::exchange(other.bulkhead_, nullptr)) {}
  BulkheadPermit& operator=(BulkheadPermit&& other) noexcept {
    if (this != &other) {
      Release();
      bulkhead_ = std::exchange(other.bulkhead_, nullptr);
    }
    return *this;
  }
  ~BulkheadPermit() { Release(); }

  void Release();

 private:
  friend class Bulkhead;
  explicit BulkheadPermit(Bulkhead& bulkhead) : bulkhead_(&bulkhead) {}

  Bulkhead* bulkhead_;
};

class Bulkhead {
 public:
  explicit Bulkhead(const BulkheadConfig& config) : config_(config) {}
  Bulkhead(const Bulkhead&) = delete;
  Bulkhead& operator=(const Bulkhead&) = delete;

  // A place, or nothing if all are taken.
  std::optional<BulkheadPermit> TryAcquire();

  int max_concurrent_calls() const { return config_.max_concurrent_calls; }
  int in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  std::int64_t rejected() const { return rejected_.load(std::memory_order_relaxed); }

 private:
  friend class BulkheadPermit;

  const BulkheadConfig config_;
  std::atomic<int> in_flight_{0};
  std::atomic<std::int64_t> rejected_{0};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_BULKHEAD_H_
