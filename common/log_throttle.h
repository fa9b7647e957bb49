// Bounds how often one kind of line is logged: at most one an interval, and each says how many were
// held back since the one before.
//
//   if (const auto held_back = throttle_.Admit(clock.Now())) {
//     logger.Warn("call failed", {..., {"heldBack", *held_back}});
//   }
//
// Thread-safe and lock-free: of several threads that come at once, one is admitted.
#ifndef SCALEOUT_COMMON_LOG_THROTTLE_H_
#define SCALEOUT_COMMON_LOG_THROTTLE_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "common/clock.h"

namespace scaleout {

class LogThrottle {
 public:
  explicit LogThrottle(Duration interval) : interval_(interval) {}

  // How many lines were held back, if one may be logged now; nothing if this one is held back.
  std::optional<std::int64_t> Admit(MonotonicTime now);

 private:
  const Duration interval_;
  std::atomic<Duration::rep> next_{Duration::min().count()};  // since the clock's epoch
  std::atomic<std::int64_t> held_back_{0};
};

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_LOG_THROTTLE_H_
