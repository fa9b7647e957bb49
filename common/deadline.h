// The moment after which a call's answer is no longer awaited.
//
// A Deadline is a point on the monotonic clock, made once where a call enters the process and
// handed down: what is about to wait asks how much is left. Copyable, immutable, thread-safe. It
// does not interrupt anything by itself.
#ifndef SCALEOUT_COMMON_DEADLINE_H_
#define SCALEOUT_COMMON_DEADLINE_H_

#include <chrono>

#include "common/clock.h"

namespace scaleout {

class Deadline {
 public:
  // Never passes.
  Deadline() = default;
  static Deadline Never() { return Deadline(); }
  static Deadline At(MonotonicTime when) { return Deadline(when); }
  // A duration that overflows the clock never passes.
  static Deadline In(Duration duration, const Clock& clock);

  bool IsNever() const { return when_ == MonotonicTime::max(); }
  bool Passed(const Clock& clock) const { return clock.Now() >= when_; }
  // Zero once it has passed; Duration::max() if it never does.
  Duration Remaining(const Clock& clock) const;
  // For waiting on a condition variable.
  MonotonicTime when() const { return when_; }

  // Earlier by so much; one that never passes stays so.
  Deadline Before(Duration margin) const { return IsNever() ? *this : At(when_ - margin); }
  // Whichever comes first.
  Deadline Or(Deadline other) const { return other.when_ < when_ ? other : *this; }

 private:
  explicit Deadline(MonotonicTime when) : when_(when) {}

  MonotonicTime when_ = MonotonicTime::max();
};

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_DEADLINE_H_
