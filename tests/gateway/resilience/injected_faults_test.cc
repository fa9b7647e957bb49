#include "gateway/resilience/injected_faults.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <thread>
#include <vector>

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;

// The numbers of an attempt: the one of its delay, and the one of its end.
InjectedFault DrawWith(const FaultRates& rates, double of_delay, double of_end) {
  InjectedFaults faults([numbers = std::vector{of_delay, of_end}, next = std::size_t{0}]() mutable {
    return numbers.at(next++);
  });
  faults.Set(rates);
  return faults.Draw();
}

TEST(InjectedFaults, AreNoneAtFirst) {
  const InjectedFaults faults([] { return 0.0; });
  EXPECT_FALSE(faults.on());
  EXPECT_EQ(faults.rates(), FaultRates());
  const InjectedFault fault = faults.Draw();
  EXPECT_EQ(fault.delay, 0ms);
  EXPECT_EQ(fault.error, absl::StatusCode::kOk);
  EXPECT_FALSE(fault.answer_lost);
}

TEST(InjectedFaults, AreOnWhereAnyRateIsSetAndOffAgainWhereNoneIs) {
  InjectedFaults faults([] { return 0.5; });
  for (const FaultRates& rates : {FaultRates{.latency = 1ms}, FaultRates{.jitter = 1ms},
                                  FaultRates{.error_percent = 1}, FaultRates{.abort_percent = 1}}) {
    faults.Set(rates);
    EXPECT_TRUE(faults.on());
    EXPECT_EQ(faults.rates(), rates);
    faults.Set({});
    EXPECT_FALSE(faults.on());
  }
  faults.Set({.error = absl::StatusCode::kInternal});
  EXPECT_FALSE(faults.on());
}

TEST(InjectedFaults, DelayByTheLatencyAndAShareOfTheJitter) {
  const FaultRates rates{.latency = 200ms, .jitter = 100ms};
  EXPECT_EQ(DrawWith(rates, 0, 0.5).delay, 200ms);
  EXPECT_EQ(DrawWith(rates, 0.25, 0.5).delay, 225ms);
  EXPECT_EQ(DrawWith({.latency = 200ms}, 0.9, 0.5).delay, 200ms);
}

TEST(InjectedFaults, AreErrorsThenAbortsByTheirShares) {
  const FaultRates rates{
      .error_percent = 30, .error = absl::StatusCode::kInternal, .abort_percent = 20};
  for (const double number : {0.0, 0.299}) {
    const InjectedFault fault = DrawWith(rates, 0, number);
    EXPECT_EQ(fault.error, absl::StatusCode::kInternal);
    EXPECT_FALSE(fault.answer_lost);
  }
  for (const double number : {0.301, 0.499}) {
    const InjectedFault fault = DrawWith(rates, 0, number);
    EXPECT_EQ(fault.error, absl::StatusCode::kOk);
    EXPECT_TRUE(fault.answer_lost);
  }
  for (const double number : {0.501, 0.999}) {
    const InjectedFault fault = DrawWith(rates, 0, number);
    EXPECT_EQ(fault.error, absl::StatusCode::kOk);
    EXPECT_FALSE(fault.answer_lost);
  }
}

TEST(InjectedFaults, OfAHundredPercentMeetEveryAttempt) {
  EXPECT_EQ(DrawWith({.error_percent = 100}, 0, 0.999999).error, absl::StatusCode::kUnavailable);
  EXPECT_TRUE(DrawWith({.abort_percent = 100}, 0, 0.999999).answer_lost);
}

// For the race detector.
TEST(InjectedFaults, AreSetWhileOthersDraw) {
  InjectedFaults faults(MakeRandomSource());
  const std::jthread drawing([&faults] {
    for (int i = 0; i < 1000; ++i) {
      if (faults.on()) (void)faults.Draw();
    }
  });
  for (int i = 0; i < 1000; ++i) faults.Set({.error_percent = i % 2});
}

}  // namespace
}  // namespace scaleout::gateway
