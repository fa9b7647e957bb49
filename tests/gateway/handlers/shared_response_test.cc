#include "gateway/handlers/shared_response.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gateway/runtime/sleep.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using testing::RunningTask;
using Answer = absl::StatusOr<Response>;

constexpr milliseconds kTimeLimit{500};
constexpr milliseconds kFlight{100};

// Makes "1", "2", ... and takes kFlight for each.
class SharedResponseTest : public ::testing::Test {
 protected:
  Task<Response> MakeNext(RequestContext& context) {
    ++begun_;
    time_left_ = context.Remaining();
    Sleep flying(context, kFlight);
    co_await flying;
    if (throws_) throw std::runtime_error("not made");
    co_return Response(200, std::to_string(begun_));
  }

  void Land() {
    clock_.Advance(kFlight);
    loop_.Run();
  }

  testing::FakeClock clock_;
  testing::ManualExecutor loop_{clock_, 0};
  testing::ManualExecutor other_loop_{clock_, 1};
  RequestContext first_{loop_, clock_};
  RequestContext second_{loop_, clock_};
  RequestContext elsewhere_{other_loop_, clock_};
  int begun_ = 0;
  bool throws_ = false;
  Duration time_left_{0};
  SharedResponse shared_{2, kTimeLimit, [this](RequestContext& own) { return MakeNext(own); }};
};

TEST_F(SharedResponseTest, GivesAllWhoAskDuringAFlightItsResponse) {
  RunningTask<Answer> first(shared_.Get(first_));
  RunningTask<Answer> second(shared_.Get(second_));
  EXPECT_FALSE(first.done() || second.done());
  Land();
  EXPECT_EQ(first.value()->body, "1");
  EXPECT_EQ(second.value()->body, "1");
  EXPECT_EQ(begun_, 1);
}

TEST_F(SharedResponseTest, KeepsTheResponseForASecondFromTheBeginningOfItsFlight) {
  RunningTask<Answer> first(shared_.Get(first_));
  Land();
  clock_.Advance(kMaxSharedAge - kFlight - milliseconds(1));
  RunningTask<Answer> kept(shared_.Get(second_));
  ASSERT_TRUE(kept.done());
  EXPECT_EQ(kept.value()->body, "1");
  clock_.Advance(milliseconds(1));
  RunningTask<Answer> made_anew(shared_.Get(second_));
  Land();
  EXPECT_EQ(made_anew.value()->body, "2");
}

TEST_F(SharedResponseTest, IsNotSpoiledByAFirstClientThatLeavesOrHasNoTime) {
  first_.deadline = clock_.Now();
  RunningTask<Answer> first(shared_.Get(first_));
  EXPECT_EQ(time_left_, kTimeLimit);
  RunningTask<Answer> second(shared_.Get(second_));
  first_.cancellation.Cancel();
  loop_.Run();
  EXPECT_FALSE(second.done()) << "the flight goes on";
  Land();
  EXPECT_EQ(second.value()->body, "1");
  EXPECT_TRUE(first.done());
}

TEST_F(SharedResponseTest, GivesOtherLoopsTheResponseButNoFlightToWaitFor) {
  RunningTask<Answer> first(shared_.Get(first_));
  RunningTask<Answer> other(shared_.Get(elsewhere_));
  EXPECT_EQ(begun_, 2) << "a loop that is blocked would delay the other";
  clock_.Advance(kFlight);
  other_loop_.Run();
  EXPECT_TRUE(other.done());
  EXPECT_FALSE(first.done());
  RunningTask<Answer> kept(shared_.Get(second_));
  EXPECT_TRUE(kept.done()) << "the other loop has made one";
  loop_.Run();
  EXPECT_TRUE(first.done());
}

TEST_F(SharedResponseTest, TriesAgainAfterAnException) {
  throws_ = true;
  // The first request's task ends with the exception; the pipeline answers it.
  Task<Answer> failing = shared_.Get(first_);
  bool thrown = false;
  const auto run = [](Task<Answer> task, bool& caught) -> Task<bool> {
    try {
      const Answer answer = co_await task;
    } catch (const std::runtime_error&) {
      caught = true;
    }
    co_return caught;
  };
  RunningTask<bool> first(run(std::move(failing), thrown));
  RunningTask<Answer> second(shared_.Get(second_));
  Land();
  EXPECT_TRUE(thrown);
  EXPECT_EQ(second.value().status().code(), absl::StatusCode::kInternal);
  throws_ = false;
  RunningTask<Answer> third(shared_.Get(first_));
  Land();
  EXPECT_TRUE(third.value().ok());
}

TEST(SharedResponseThreads, MakesOneAtATimeForEachLoop) {
  constexpr std::size_t kLoops = 4;
  std::atomic<int> made{0};
  SharedResponse shared(kLoops, kTimeLimit, [&made](RequestContext&) -> Task<Response> {
    co_return Response(200, std::to_string(++made));
  });
  testing::FakeClock clock;
  std::vector<std::jthread> threads;
  for (std::size_t loop = 0; loop < kLoops; ++loop) {
    threads.emplace_back([&clock, &shared, loop] {
      testing::ManualExecutor executor(clock, loop);
      RequestContext context(executor, clock);
      for (int i = 0; i < 1000; ++i) {
        RunningTask<Answer> running(shared.Get(context));
        EXPECT_TRUE(running.done() && running.value().ok());
      }
    });
  }
  for (std::jthread& thread : threads) thread.join();
  EXPECT_GE(made, 1);
  EXPECT_LE(made, static_cast<int>(kLoops));
}

}  // namespace
}  // namespace scaleout::gateway
