// Time, passed in. Everything that waits, expires or measures takes a Clock, so that a test can own
// the hands (tests/support/fake_clock.h). Durations are measured on Now(), which never jumps;
// WallNow() is only for showing and storing what time it is. Thread-safe.
#ifndef SCALEOUT_COMMON_CLOCK_H_
#define SCALEOUT_COMMON_CLOCK_H_

#include <chrono>

namespace scaleout {

using MonotonicTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;
using Duration = std::chrono::nanoseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
};

// The machine's clock; it outlives every caller and has no state.
const Clock& SystemClock();

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_CLOCK_H_
