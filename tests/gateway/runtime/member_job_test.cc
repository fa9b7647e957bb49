#include "gateway/runtime/member_job.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"

namespace scaleout::gateway {
namespace {

class Owner {
 public:
  void Count() { ++count; }
  void CountAndPost() {
    if (++count == 1) again.PostTo(loop);
  }

  testing::FakeClock clock;
  testing::ManualExecutor loop{clock};
  int count = 0;
  MemberJob<Owner> job{*this, &Owner::Count};
  MemberJob<Owner> again{*this, &Owner::CountAndPost};
  MemberJob<Owner, TimerJob> timer{*this, &Owner::Count};
};

TEST(MemberJob, CallsItsFunctionOnceForSeveralPosts) {
  Owner owner;
  owner.job.PostTo(owner.loop);
  owner.job.PostTo(owner.loop);
  EXPECT_EQ(owner.loop.Run(), 1);
  EXPECT_EQ(owner.count, 1);
  owner.job.PostTo(owner.loop);
  owner.loop.Run();
  EXPECT_EQ(owner.count, 2);
}

TEST(MemberJob, CanBePostedWhileItRuns) {
  Owner owner;
  owner.again.PostTo(owner.loop);
  owner.loop.Run();
  EXPECT_EQ(owner.count, 2);
}

TEST(MemberJob, IsATimerWhereThatIsItsBase) {
  Owner owner;
  owner.loop.After(std::chrono::seconds(1), owner.timer);
  owner.clock.Advance(std::chrono::seconds(1));
  owner.loop.Run();
  EXPECT_EQ(owner.count, 1);
}

}  // namespace
}  // namespace scaleout::gateway
