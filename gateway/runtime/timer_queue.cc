#include "gateway/runtime/timer_queue.h"

#include <utility>

namespace scaleout::gateway {

void TimerQueue::Arm(TimerJob& timer, MonotonicTime when) {
  Disarm(timer);
  timer.when_ = when;
  timer.sequence_ = next_sequence_++;
  timer.position_ = heap_.size();
  heap_.push_back(&timer);
  MoveUp(timer.position_);
}

void TimerQueue::Disarm(TimerJob& timer) {
  if (!timer.armed()) return;
  const std::size_t hole = timer.position_;
  Swap(hole, heap_.size() - 1);
  heap_.pop_back();
  timer.position_ = TimerJob::kNotArmed;
  if (hole == heap_.size()) return;
  // What filled the hole came from elsewhere in the tree: it may belong above as well as below.
  MoveUp(hole);
  MoveDown(hole);
}

TimerJob* TimerQueue::TakeDue(MonotonicTime now) {
  if (heap_.empty() || heap_.front()->when_ > now) return nullptr;
  TimerJob* const due = heap_.front();
  Disarm(*due);
  return due;
}

MonotonicTime TimerQueue::first_due() const {
  return heap_.empty() ? MonotonicTime::max() : heap_.front()->when_;
}

bool TimerQueue::IsBefore(std::size_t a, std::size_t b) const {
  const TimerJob& left = *heap_[a];
  const TimerJob& right = *heap_[b];
  return left.when_ != right.when_ ? left.when_ < right.when_ : left.sequence_ < right.sequence_;
}

void TimerQueue::Swap(std::size_t a, std::size_t b) {
  std::swap(heap_[a], heap_[b]);
  heap_[a]->position_ = a;
  heap_[b]->position_ = b;
}

void TimerQueue::MoveUp(std::size_t position) {
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (!IsBefore(position, parent)) return;
    Swap(position, parent);
    position = parent;
  }
}

void TimerQueue::MoveDown(std::size_t position) {
  for (;;) {
    const std::size_t left = position * 2 + 1;
    const std::size_t right = left + 1;
    std::size_t first = position;
    if (left < heap_.size() && IsBefore(left, first)) first = left;
    if (right < heap_.size() && IsBefore(right, first)) first = right;
    if (first == position) return;
    Swap(position, first);
    position = first;
  }
}

}  // namespace scaleout::gateway
