// A Clock whose hands the test moves. Thread-safe: a test may advance it while others read.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_CLOCK_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "common/clock.h"

namespace scaleout::testing {

class FakeClock final : public Clock {
 public:
  MonotonicTime Now() const override { return MonotonicTime(Duration(elapsed_ns_.load())); }
  WallTime WallNow() const override {
    return WallTime(std::chrono::duration_cast<WallTime::duration>(
        std::chrono::hours(24 * 365 * 50) + Duration(elapsed_ns_.load())));
  }
  void Advance(Duration by) { elapsed_ns_ += by.count(); }

 private:
  // Not zero, so that a default-constructed time point is in the past.
  std::atomic<std::int64_t> elapsed_ns_{1'000'000'000};
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_CLOCK_H_
