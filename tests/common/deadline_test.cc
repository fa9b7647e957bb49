#include "common/deadline.h"

#include <gtest/gtest.h>

#include "common/call_context.h"
#include "tests/support/fake_clock.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, CountsDownAndPasses) {
  testing::FakeClock clock;
  const Deadline deadline = Deadline::In(100ms, clock);
  EXPECT_EQ(deadline.Remaining(clock), 100ms);
  clock.Advance(99ms);
  EXPECT_FALSE(deadline.Passed(clock));
  EXPECT_EQ(deadline.Remaining(clock), 1ms);
  clock.Advance(1ms);
  EXPECT_TRUE(deadline.Passed(clock));
  for (const Duration past : {Duration(1ns), Duration(1h)}) {
    clock.Advance(past);
    EXPECT_EQ(deadline.Remaining(clock), 0ms);
  }
}

TEST(Deadline, NeverPassesByDefaultAndOnOverflow) {
  testing::FakeClock clock;
  EXPECT_TRUE(Deadline().IsNever());
  EXPECT_TRUE(Deadline::In(Duration::max(), clock).IsNever());
  EXPECT_FALSE(Deadline::Never().Passed(clock));
  EXPECT_EQ(Deadline::Never().Remaining(clock), Duration::max());
}

TEST(Deadline, TakesWhicheverComesFirst) {
  testing::FakeClock clock;
  const Deadline soon = Deadline::In(1ms, clock);
  const Deadline late = Deadline::In(1s, clock);
  EXPECT_EQ(soon.Or(late).when(), soon.when());
  EXPECT_EQ(late.Or(soon).when(), soon.when());
  EXPECT_EQ(soon.Or(Deadline::Never()).when(), soon.when());
}

TEST(Deadline, IsEarlierByAMarginUnlessItNeverPasses) {
  testing::FakeClock clock;
  EXPECT_EQ(Deadline::In(3s, clock).Before(1s).when(), Deadline::In(2s, clock).when());
  EXPECT_TRUE(Deadline::Never().Before(1s).IsNever());
}

TEST(CallContext, IsWantedUntilItsDeadlineOrItsClientGoes) {
  testing::FakeClock clock;
  CallContext call;
  EXPECT_TRUE(CheckWanted(call, clock).ok());
  bool gone = false;
  call.is_cancelled = [&gone] { return gone; };
  call.deadline = Deadline::In(1ms, clock);
  EXPECT_TRUE(CheckWanted(call, clock).ok());
  gone = true;
  EXPECT_TRUE(absl::IsCancelled(CheckWanted(call, clock)));
  clock.Advance(1ms);
  EXPECT_TRUE(absl::IsDeadlineExceeded(CheckWanted(call, clock)));
}

}  // namespace
}  // namespace scaleout
