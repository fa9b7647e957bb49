#include "common/deadline.h"

namespace scaleout {

Deadline Deadline::In(Duration duration, const Clock& clock) {
  const MonotonicTime now = clock.Now();
  if (duration >= MonotonicTime::max() - now) return Never();
  return At(now + duration);
}

Duration Deadline::Remaining(const Clock& clock) const {
  if (IsNever()) return Duration::max();
  const MonotonicTime now = clock.Now();
  return now >= when_ ? Duration::zero() : Duration(when_ - now);
}

}  // namespace scaleout
