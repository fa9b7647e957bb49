// The share of the last second in which a loop was busy, that is, did not wait for something to do.
//
// Busy time is kept in slots of a tenth of a second; the answer covers the nine full slots before
// the current one and what has passed of that, and counts a turn that has not ended yet, so a
// blocked loop shows 1. Written by the loop's thread alone, read from any, lock-free; a reader that
// meets a writer may be off by one turn.
#ifndef SCALEOUT_GATEWAY_RUNTIME_LOOP_UTILIZATION_H_
#define SCALEOUT_GATEWAY_RUNTIME_LOOP_UTILIZATION_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "common/clock.h"

namespace scaleout::gateway {

class LoopUtilization {
 public:
  // Loop thread only. Waking twice goes on with the first turn; idling twice is nothing.
  void OnWake(MonotonicTime now);
  void OnIdle(MonotonicTime now);

  // 0 to 1; 0 before the first wake. Any thread.
  double Ratio(MonotonicTime now) const;

 private:
  // Which slot in time it is, and the busy nanoseconds in it, in one word. 28 bits hold a slot's
  // 1e8 nanoseconds.
  using Slot = std::atomic<std::uint64_t>;

  void AddBusy(std::int64_t from, std::int64_t to);

  std::array<Slot, 16> slots_{};
  std::atomic<std::int64_t> first_wake_{0};  // nanoseconds since the clock's epoch, as all here
  std::atomic<std::int64_t> busy_since_{0};  // 0: waiting
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_LOOP_UTILIZATION_H_
