#include "gateway/runtime/loop_caller.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "gateway/runtime/sleep.h"
#include "tests/support/eventually.h"
#include "tests/support/manual_executor.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;

class LoopCallerTest : public ::testing::Test {
 protected:
  // A call from a thread of its own.
  std::future<absl::StatusOr<std::string>> Call(Duration limit,
                                                LoopCaller::Work<std::string> work) {
    return std::async(std::launch::async, [this, limit, work = std::move(work)] {
      return caller_.Call<std::string>(limit, work);
    });
  }
  bool RunUntilReady(const std::future<absl::StatusOr<std::string>>& answer) {
    return testing::Eventually([&] {
      loop_.Run();
      return answer.wait_for(0s) == std::future_status::ready;
    });
  }

  testing::ManualExecutor loop_{SystemClock()};
  LoopCaller caller_{loop_, SystemClock()};
};

TEST_F(LoopCallerTest, RunsTheWorkOnTheLoopWithItsLimitAsDeadline) {
  std::thread::id worker;
  Duration remaining = 0s;
  auto answer = Call(60s, [&](RequestContext& context) -> Task<absl::StatusOr<std::string>> {
    worker = std::this_thread::get_id();
    remaining = context.Remaining();
    Sleep pause(context, 1ms);
    co_await pause;
    co_return "done";
  });
  ASSERT_TRUE(RunUntilReady(answer));
  EXPECT_EQ(*answer.get(), "done");
  EXPECT_EQ(worker, std::this_thread::get_id());
  EXPECT_GT(remaining, 1s);
  EXPECT_LE(remaining, 60s);
  EXPECT_TRUE(caller_.idle());
}

TEST_F(LoopCallerTest, PassesTheErrorOn) {
  auto answer = Call(60s, [](RequestContext&) -> Task<absl::StatusOr<std::string>> {
    co_return absl::NotFoundError("none");
  });
  ASSERT_TRUE(RunUntilReady(answer));
  EXPECT_EQ(answer.get().status(), absl::NotFoundError("none"));
}

TEST_F(LoopCallerTest, DoesNotWaitForALoopThatDoesNotTurn) {
  bool ran = false;
  auto answer = Call(1ms, [&](RequestContext& context) -> Task<absl::StatusOr<std::string>> {
    ran = true;
    EXPECT_EQ(context.Remaining(), 0s);
    co_return "late";
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(answer.get().status()));
  EXPECT_FALSE(caller_.idle());
  loop_.Run();
  EXPECT_TRUE(ran);
  EXPECT_TRUE(caller_.idle());
}

TEST_F(LoopCallerTest, LoopMayGetToItAfterTheCallerIsGone) {
  auto caller = std::make_unique<LoopCaller>(loop_, SystemClock());
  const auto text = std::make_shared<std::string>("late");
  EXPECT_FALSE(
      caller
          ->Call<std::string>(
              0s, [text](RequestContext&) -> Task<absl::StatusOr<std::string>> { co_return *text; })
          .ok());
  caller.reset();
  EXPECT_EQ(text.use_count(), 2);
  loop_.Run();
  EXPECT_EQ(text.use_count(), 1);
}

TEST_F(LoopCallerTest, RefusesCallsOnceItIsStopped) {
  caller_.Stop();
  auto answer = Call(
      60s, [](RequestContext&) -> Task<absl::StatusOr<std::string>> { co_return "not asked"; });
  EXPECT_TRUE(absl::IsUnavailable(answer.get().status()));
  EXPECT_EQ(loop_.posted(), 0U);
  EXPECT_TRUE(caller_.idle());
}

}  // namespace
}  // namespace scaleout::gateway
