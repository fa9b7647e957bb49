// Faults that the lab puts on the calls to one backend, as if the backend, or the way to it, had
// them: attempts that take longer, that end with an error, whose answers are lost.
//
// They are drawn for each attempt, below breaker, retries and deadline, which see them as they
// would see the real ones (gateway/backends/guarded_call.h). Of this instance alone, and forgotten
// with its process. Shared by all loops; thread-safe. Where there are none an attempt costs one
// load. The idea, and the difference between an error and an abort, is that of a service mesh's
// fault filter (envoy: source/extensions/filters/http/fault); an abort here is a lost answer,
// because that is what idempotency keys are for.
#ifndef SCALEOUT_GATEWAY_RESILIENCE_INJECTED_FAULTS_H_
#define SCALEOUT_GATEWAY_RESILIENCE_INJECTED_FAULTS_H_

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>

#include "absl/status/status.h"
#include "common/clock.h"
#include "gateway/resilience/random_source.h"

namespace scaleout::gateway {

// Of latency, and of jitter: longer than any request waits.
inline constexpr std::chrono::milliseconds kMaxInjectedDelay{10'000};

// What an attempt may end with: what a backend that is broken answers, or gRPC for it.
inline constexpr std::array kInjectableErrors = {
    absl::StatusCode::kUnavailable, absl::StatusCode::kDeadlineExceeded,
    absl::StatusCode::kInternal, absl::StatusCode::kUnknown, absl::StatusCode::kResourceExhausted};

struct FaultRates {
  friend bool operator==(const FaultRates&, const FaultRates&) = default;

  // Each attempt waits so long before it is sent, and up to `jitter` longer.
  std::chrono::milliseconds latency{0};
  std::chrono::milliseconds jitter{0};
  // Of 100 attempts, so many are not sent and end with `error`.
  int error_percent = 0;
  absl::StatusCode error = absl::StatusCode::kUnavailable;
  // And so many others are sent, and their answers are lost: UNAVAILABLE. Both are 100 at most.
  int abort_percent = 0;
};

// What one attempt meets.
struct InjectedFault {
  Duration delay = Duration::zero();
  absl::StatusCode error = absl::StatusCode::kOk;  // instead of being sent
  bool answer_lost = false;
};

class InjectedFaults {
 public:
  explicit InjectedFaults(RandomSource random);
  InjectedFaults(const InjectedFaults&) = delete;
  InjectedFaults& operator=(const InjectedFaults&) = delete;

  // Whether an attempt may meet one.
  bool on() const { return on_.load(std::memory_order_relaxed); }

  // For attempts from now on, on all loops. Rates that are all zero are none.
  void Set(const FaultRates& rates);
  FaultRates rates() const;

  InjectedFault Draw() const;

 private:
  const RandomSource random_;
  std::atomic<bool> on_{false};
  mutable std::mutex mutex_;
  FaultRates rates_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RESILIENCE_INJECTED_FAULTS_H_
