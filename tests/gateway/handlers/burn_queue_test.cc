#include "gateway/handlers/burn_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "gateway/http/problem.h"
#include "tests/support/function_jobs.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::RunningTask;

// As the route has it.
constexpr seconds kDeadline{15};

// Requests of one loop. A burn moves the clock and takes no time.
class BurnQueueTest : public ::testing::Test {
 protected:
  struct AskedBurn {
    AskedBurn(BurnQueueTest& test, Duration duration, Duration timeout)
        : context(test.loop_, test.clock_), running(MakeTask(test, context, duration, timeout)) {}
    static Task<absl::Status> MakeTask(BurnQueueTest& test, RequestContext& context,
                                       Duration duration, Duration timeout) {
      context.deadline = test.clock_.Now() + timeout;
      return test.queue_.Run(context, duration);
    }
    RequestContext context;
    RunningTask<absl::Status> running;
  };

  AskedBurn& Ask(Duration duration, Duration timeout = kDeadline) {
    return *asked_.emplace_back(std::make_unique<AskedBurn>(*this, duration, timeout));
  }

  testing::FakeClock clock_;
  testing::ManualExecutor loop_{clock_};
  std::vector<Duration> burns_;
  BurnQueue queue_{1, [this](const Clock&, Duration duration) {
                     burns_.push_back(duration);
                     clock_.Advance(duration);
                   }};
  std::vector<std::unique_ptr<AskedBurn>> asked_;
};

TEST_F(BurnQueueTest, LetsTheLoopTakeTurnsBeforeABurn) {
  AskedBurn& burn = Ask(seconds(1));
  EXPECT_THAT(burns_, ElementsAre());
  EXPECT_EQ(loop_.Run(), kTurnsBeforeBurn + 1);
  ASSERT_TRUE(burn.running.done());
  EXPECT_TRUE(burn.running.value().ok());
  EXPECT_THAT(burns_, ElementsAre(seconds(1)));
}

TEST_F(BurnQueueTest, BurnsAfterAllElseOfItsTurn) {
  AskedBurn& burn = Ask(seconds(1));
  bool sent = false;
  testing::FunctionJob sending([&] {
    EXPECT_THAT(burns_, ElementsAre());
    sent = true;
  });
  testing::FunctionHoldListener listener([&] { loop_.Defer(sending); });
  loop_.AddHoldListener(listener);
  loop_.Run();
  EXPECT_TRUE(sent);
  EXPECT_TRUE(burn.running.value().ok());
}

TEST_F(BurnQueueTest, RunsOneBurnAfterTheOtherWithTurnsOfTheLoopBetween) {
  AskedBurn& first = Ask(seconds(1));
  AskedBurn& second = Ask(seconds(2));
  loop_.Run();
  EXPECT_TRUE(first.running.value().ok());
  EXPECT_TRUE(second.running.value().ok());
  EXPECT_THAT(burns_, ElementsAre(seconds(1), seconds(2)));

  AskedBurn& third = Ask(seconds(1));
  AskedBurn& fourth = Ask(seconds(1));
  EXPECT_EQ(loop_.Run(), 2 * (kTurnsBeforeBurn + 1)) << "each has its own";
  EXPECT_TRUE(third.running.done());
  EXPECT_TRUE(fourth.running.done());
}

TEST_F(BurnQueueTest, RefusesAtOnceABurnThatCannotEndInTime) {
  AskedBurn& first = Ask(seconds(10));
  AskedBurn& second = Ask(seconds(10));
  AskedBurn& short_one = Ask(seconds(5));
  ASSERT_TRUE(second.running.done()) << "before the first has begun";
  EXPECT_EQ(second.running.value().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(second.running.value()), "OVERLOADED");
  EXPECT_EQ(HttpStatusOf(second.running.value()), 503);
  EXPECT_THAT(RenderProblem(second.running.value(), "/", "id").headers,
              ElementsAre(::testing::Pair("Retry-After", "10")));
  loop_.Run();
  EXPECT_TRUE(first.running.value().ok());
  EXPECT_TRUE(short_one.running.value().ok()) << "it had the time";
  EXPECT_THAT(burns_, ElementsAre(seconds(10), seconds(5)));
}

TEST_F(BurnQueueTest, CountsTheTimeForWhichARequestMayHaveWaitedUnread) {
  Ask(seconds(10));
  loop_.Run();
  AskedBurn& waited = Ask(seconds(10));
  ASSERT_TRUE(waited.running.done());
  EXPECT_EQ(HttpStatusOf(waited.running.value()), 503);
  AskedBurn& shorter = Ask(seconds(5));
  EXPECT_FALSE(shorter.running.done());
  loop_.Run();

  clock_.Advance(kCatchUpTime);
  AskedBurn& fresh = Ask(seconds(10));
  loop_.Run();
  EXPECT_TRUE(fresh.running.value().ok());
}

TEST_F(BurnQueueTest, EndsABurnAtTheDeadline) {
  AskedBurn& burn = Ask(seconds(3), milliseconds(100));
  loop_.Run();
  EXPECT_THAT(burns_, ElementsAre(milliseconds(100)));
  EXPECT_EQ(burn.running.value().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ReasonOf(burn.running.value()), "DEADLINE_EXCEEDED");
}

TEST_F(BurnQueueTest, SkipsABurnWhoseClientLeft) {
  AskedBurn& first = Ask(seconds(1));
  AskedBurn& second = Ask(seconds(1));
  AskedBurn& third = Ask(seconds(1));
  second.context.cancellation.Cancel();
  first.context.cancellation.Cancel();
  loop_.Run();
  EXPECT_EQ(first.running.value().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(second.running.value().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(third.running.value().ok());
  EXPECT_THAT(burns_, ElementsAre(seconds(1)));
}

TEST_F(BurnQueueTest, GivesTheTimeOfARequestThatLeftToAnother) {
  Ask(seconds(5));
  AskedBurn& second = Ask(seconds(10));
  second.context.cancellation.Cancel();
  AskedBurn& third = Ask(seconds(10));
  EXPECT_FALSE(third.running.done());
  loop_.Run();
  EXPECT_TRUE(third.running.value().ok());
}

TEST_F(BurnQueueTest, KeepsALineForEachLoop) {
  testing::ManualExecutor other_loop(clock_, 1);
  BurnQueue queue(2, [](const Clock&, Duration) {});
  RequestContext one(loop_, clock_);
  RequestContext two(other_loop, clock_);
  one.deadline = two.deadline = clock_.Now() + kDeadline;
  RunningTask<absl::Status> first(queue.Run(one, seconds(10)));
  RunningTask<absl::Status> second(queue.Run(two, seconds(10)));
  EXPECT_FALSE(second.done()) << "the other loop's burn is none of its own";
  loop_.Run();
  other_loop.Run();
  EXPECT_TRUE(first.done() && second.done());
}

}  // namespace
}  // namespace scaleout::gateway
