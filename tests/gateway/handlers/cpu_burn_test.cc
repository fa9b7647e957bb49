#include "gateway/handlers/cpu_burn.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stop_token>

namespace scaleout::gateway {
namespace {

// Each look takes a millisecond.
class TickingClock final : public Clock {
 public:
  MonotonicTime Now() const override { return MonotonicTime(std::chrono::milliseconds(++looks_)); }
  WallTime WallNow() const override { return WallTime(); }
  int looks() const { return looks_; }

 private:
  mutable std::atomic<int> looks_{0};
};

TEST(BurnCpu, EndsWhenItsTimeIsUp) {
  TickingClock clock;
  EXPECT_GT(BurnCpu(clock, std::chrono::milliseconds(10)), 0U);
  EXPECT_EQ(clock.looks(), 11);
}

TEST(BurnCpu, EndsWhenItIsAskedToStop) {
  TickingClock clock;
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(BurnCpu(clock, std::chrono::hours(1), source.get_token()), 0U);
}

TEST(BurnCpu, CountsPrimesTruly) {
  TickingClock clock;
  // One chunk: the primes below 256.
  EXPECT_EQ(BurnCpu(clock, std::chrono::milliseconds(2)), 54U);
}

}  // namespace
}  // namespace scaleout::gateway
