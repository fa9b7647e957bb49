// The timers of one loop in the order of their times; equal times in the order in which they were
// armed. A binary heap of pointers in which each timer knows its place, so that arming and
// disarming cost O(log n) and allocate nothing but the heap's own growth. Pure: it knows no clock
// and runs nothing. Not thread-safe.
#ifndef SCALEOUT_GATEWAY_RUNTIME_TIMER_QUEUE_H_
#define SCALEOUT_GATEWAY_RUNTIME_TIMER_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/clock.h"
#include "gateway/runtime/executor.h"

namespace scaleout::gateway {

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  // Moves `timer` if it is armed. It outlives its place in the queue.
  void Arm(TimerJob& timer, MonotonicTime when);
  // Nothing if it is not armed.
  void Disarm(TimerJob& timer);
  // The first timer whose time is `now` or earlier, disarmed; null if there is none.
  TimerJob* TakeDue(MonotonicTime now);

  // When the first timer is due; MonotonicTime::max() if there is none.
  MonotonicTime first_due() const;
  std::size_t size() const { return heap_.size(); }

 private:
  // The heap's order and its two repairs, by positions in heap_.
  bool IsBefore(std::size_t a, std::size_t b) const;
  void Swap(std::size_t a, std::size_t b);
  void MoveUp(std::size_t position);
  void MoveDown(std::size_t position);

  std::vector<TimerJob*> heap_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_TIMER_QUEUE_H_
