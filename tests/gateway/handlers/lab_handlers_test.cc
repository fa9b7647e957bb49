#include "gateway/handlers/lab_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/status.h"
#include "gateway/http/problem.h"
#include "tests/support/fake_shared_counter.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing::RunningTask;
using testing::TestRequest;
using Answer = absl::StatusOr<Response>;

// Burning needs a clock that goes.
struct LabFixture {
  LabFixture() { context.deadline = SystemClock().Now() + std::chrono::seconds(15); }

  testing::ManualExecutor loop{SystemClock()};
  RequestContext context{loop, SystemClock()};
  OffloadPool offload{1, 1};
  testing::FakeSharedCounter shared_counter;
  LabHandlers handlers{"gateway-1", 1, offload, shared_counter};
};

TEST(LabHandlers, CountsForItself) {
  LabFixture lab;
  LabHandlers other("gateway-2", 1, lab.offload, lab.shared_counter);
  const TestRequest request;
  for (int i = 1; i <= 3; ++i) {
    RunningTask<Answer> running(lab.handlers.Count(lab.context, request));
    EXPECT_THAT(running.value()->body, HasSubstr("{\"count\":" + std::to_string(i) +
                                                 ",\"instanceId\":\"gateway-1\",\"processId\":" +
                                                 std::to_string(getpid()) + ",\"warning\":\""));
    EXPECT_THAT(running.value()->headers, Contains(Pair("Cache-Control", "no-store")));
  }
  RunningTask<Answer> running(other.Count(lab.context, request));
  EXPECT_THAT(running.value()->body, HasSubstr("{\"count\":1,\"instanceId\":\"gateway-2\""));
}

TEST(LabHandlers, AnswersTheSharedCountWithItsBeginning) {
  LabFixture lab;
  lab.shared_counter.next.since_micros = 1'000'000'000'250'000;
  RunningTask<Answer> running(lab.handlers.CountShared(lab.context, TestRequest()));
  EXPECT_EQ(running.value()->body,
            "{\"count\":1,\"since\":\"2001-09-09T01:46:40.250Z\",\"instanceId\":\"gateway-1\","
            "\"processId\":" +
                std::to_string(getpid()) + "}");
  EXPECT_THAT(running.value()->headers, Contains(Pair("Cache-Control", "no-store")));
}

TEST(LabHandlers, HasNoSharedCountWhereTheCounterHasNone) {
  LabFixture lab;
  lab.shared_counter.status =
      WithReason(absl::UnavailableError("away"), kReasonSharedCounterUnavailable);
  RunningTask<Answer> running(lab.handlers.CountShared(lab.context, TestRequest()));
  EXPECT_EQ(HttpStatusOf(running.value().status()), 503);
  EXPECT_EQ(ReasonOf(running.value().status()), "SHARED_COUNTER_UNAVAILABLE");
}

TEST(LabHandlers, BlocksTheLoopByDefault) {
  LabFixture lab;
  TestRequest request;
  request.Query("ms", "5");
  const auto start = std::chrono::steady_clock::now();
  RunningTask<Answer> running(lab.handlers.CpuBound(lab.context, request));
  EXPECT_FALSE(running.done()) << "other requests of this turn go first";
  lab.loop.Run();
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(5));
  ASSERT_TRUE(running.done());
  ASSERT_TRUE(running.value().ok());
  EXPECT_THAT(running.value()->body, HasSubstr("\"mode\":\"block\",\"instanceId\":\"gateway-1\"}"));
}

TEST(LabHandlers, LeavesTheLoopFreeWhenItOffloads) {
  LabFixture lab;
  TestRequest request;
  request.Query("ms", "5").Query("mode", "offload");
  RunningTask<Answer> running(lab.handlers.CpuBound(lab.context, request));
  EXPECT_FALSE(running.done());
  ASSERT_TRUE(lab.loop.RunUntil([&] { return running.done(); }));
  ASSERT_TRUE(running.value().ok());
  EXPECT_THAT(running.value()->body, HasSubstr("\"mode\":\"offload\""));
}

TEST(LabHandlers, BlocksTheLoopForOneRequestAtATime) {
  LabFixture lab;
  TestRequest request;
  request.Query("ms", "10000");
  RunningTask<Answer> first(lab.handlers.CpuBound(lab.context, request));
  RunningTask<Answer> second(lab.handlers.CpuBound(lab.context, request));
  ASSERT_TRUE(second.done()) << "there is no time for both";
  EXPECT_EQ(HttpStatusOf(second.value().status()), 503);
  lab.context.cancellation.Cancel();
  lab.loop.Run();
  EXPECT_TRUE(first.done());
}

// "X-Request-Timeout-Ms: 100" and a burn of ten seconds.
TEST(LabHandlers, EndsTheWorkAtTheDeadlineInBothModes) {
  for (const char* mode : {"block", "offload"}) {
    LabFixture lab;
    TestRequest request;
    request.Query("ms", "10000").Query("mode", mode);
    const MonotonicTime start = SystemClock().Now();
    lab.context.deadline = start + std::chrono::milliseconds(30);
    RunningTask<Answer> running(lab.handlers.CpuBound(lab.context, request));
    ASSERT_TRUE(lab.loop.RunUntil([&] { return running.done(); })) << mode;
    EXPECT_EQ(HttpStatusOf(running.value().status()), 504) << mode;
    EXPECT_LT(SystemClock().Now() - start, std::chrono::seconds(5)) << mode;
  }
}

TEST(LabHandlers, RefusesToOffloadMoreThanItCan) {
  LabFixture lab;
  std::promise<void> end;
  std::promise<void> began;
  RunningTask<absl::Status> working(lab.offload.Run(lab.context, [&](std::stop_token) {
    began.set_value();
    end.get_future().wait();
  }));
  began.get_future().wait();
  RunningTask<absl::Status> waiting(lab.offload.Run(lab.context, [](std::stop_token) {}));
  TestRequest request;
  request.Query("ms", "1").Query("mode", "offload");
  RunningTask<Answer> running(lab.handlers.CpuBound(lab.context, request));
  ASSERT_TRUE(running.done());
  EXPECT_EQ(ReasonOf(running.value().status()), "OVERLOADED");
  end.set_value();
  ASSERT_TRUE(lab.loop.RunUntil([&] { return working.done() && waiting.done(); }));
}

TEST(LabHandlers, RefusesOtherParameters) {
  LabFixture lab;
  TestRequest request;
  request.Query("ms", "10001").Query("mode", "nap").Query("x", "1");
  RunningTask<Answer> running(lab.handlers.CpuBound(lab.context, request));
  EXPECT_EQ(HttpStatusOf(running.value().status()), 422);
  EXPECT_EQ(FieldViolationsOf(running.value().status()).size(), 3U);
}

}  // namespace
}  // namespace scaleout::gateway
