// The lab's faults below breaker, retries and deadline: those see them as they see real ones.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "common/metrics.h"
#include "common/status.h"
#include "gateway/backends/guarded_call.h"
#include "tests/gateway/backends/guarded_call_fixture.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using testing::RunningTask;

class FaultyCallTest : public GuardedCallTest {
 protected:
  ~FaultyCallTest() override {
    if (faulty_) faulty_->channel->callbacks().Wait();
  }

  // A backend by the test's configuration, with these faults.
  BackendGuard& Rebuild(const FaultRates& rates) {
    const GuardParts parts{guards_.config, fixture_.clock, [] { return 0.5; }, *own_metrics_,
                           logger_};
    faulty_.emplace("user", path_.target(), parts);
    backend_ = MakeUserBackend(*faulty_);
    faulty_->guard.SetFaults(rates);
    return faulty_->guard;
  }
  // A call whose pauses end, because the clock goes on.
  Answer AskWithTime() {
    RunningTask<Answer> running(GetUser());
    while (!running.done()) {
      fixture_.loop.RunUntil([&] { return running.done(); }, 5ms);
      fixture_.clock.Advance(10ms);
    }
    return running.value();
  }

  std::unique_ptr<Metrics> own_metrics_ = MakeMetrics();
  std::optional<Backend> faulty_;
};

TEST_F(FaultyCallTest, AnErrorIsAsIfTheBackendHadAnsweredItAndSendsNothing) {
  Serve();
  BackendGuard& guard = Rebuild({.error_percent = 100, .error = absl::StatusCode::kUnavailable});
  const absl::Status status = Ask().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "BACKEND_UNREACHABLE");
  EXPECT_EQ(service_.calls, 0);
  EXPECT_EQ(guard.counts().calls, 1);
  EXPECT_EQ(guard.counts().failures, 1);
  EXPECT_EQ(guard.breaker().Snapshot().failed, 1);
  EXPECT_EQ(guard.counts().in_flight, 0);
}

TEST_F(FaultyCallTest, AnErrorHasTheStatusThatIsSet) {
  Serve();
  Rebuild({.error_percent = 100, .error = absl::StatusCode::kInternal});
  EXPECT_EQ(Ask().status(), absl::InternalError("The call to the user service failed."));
}

TEST_F(FaultyCallTest, ErrorsAreRetriedAndOpenTheCircuit) {
  Serve();
  guards_.config.retry.max_attempts = 3;
  guards_.config.breaker.minimum_calls = 3;
  BackendGuard& guard = Rebuild({.error_percent = 100});
  EXPECT_FALSE(AskWithTime().ok());
  EXPECT_EQ(guard.breaker().Snapshot().failed, 3) << "an attempt and two more";
  EXPECT_EQ(guard.breaker().state(), CircuitState::kOpen);
  EXPECT_EQ(ReasonOf(Ask().status()), "CIRCUIT_OPEN");
  EXPECT_EQ(service_.calls, 0);
}

TEST_F(FaultyCallTest, AnAbortReachesTheBackendAndLosesItsAnswer) {
  Serve();
  BackendGuard& guard = Rebuild({.abort_percent = 100});
  const absl::Status status = Ask().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "BACKEND_UNREACHABLE");
  EXPECT_EQ(service_.calls, 1);
  EXPECT_EQ(guard.breaker().Snapshot().failed, 1);
}

TEST_F(FaultyCallTest, OnlyTheirShareOfAttemptsIsMet) {
  Serve();
  Rebuild({.error_percent = 50, .abort_percent = 0});  // the random number is 50 %
  EXPECT_TRUE(Ask().ok());
  faulty_->guard.SetFaults({.error_percent = 51});
  EXPECT_FALSE(Ask().ok());
}

TEST_F(FaultyCallTest, LatencyComesBeforeTheAttemptAndCountsAsTheBackends) {
  Serve();
  BackendGuard& guard = Rebuild({.latency = 1000ms, .jitter = 400ms});
  RunningTask<Answer> running(GetUser());
  fixture_.clock.Advance(1199ms);
  fixture_.loop.Run();
  EXPECT_EQ(fixture_.loop.timers(), 1U);
  EXPECT_EQ(guard.counts().in_flight, 1);
  EXPECT_EQ(service_.calls, 0);
  fixture_.clock.Advance(1ms);
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_TRUE(running.value().ok()) << running.value().status();
  EXPECT_EQ(guard.breaker().Snapshot().counts.slow, 1);
}

TEST_F(FaultyCallTest, LatencyEndsAtTheAttemptsDeadline) {
  Serve();
  guards_.config.attempt_timeout = 2s;
  BackendGuard& guard = Rebuild({.latency = 2000ms});
  RunningTask<Answer> running(GetUser());
  fixture_.clock.Advance(2s);
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(ReasonOf(running.value().status()), "DEADLINE_EXCEEDED");
  EXPECT_EQ(guard.breaker().Snapshot().failed, 1);
  EXPECT_EQ(service_.calls, 0);
}

TEST_F(FaultyCallTest, LatencyEndsWithTheClientAndLeavesNoTrace) {
  Serve();
  BackendGuard& guard = Rebuild({.latency = 1000ms, .error_percent = 100});
  RunningTask<Answer> running(GetUser());
  fixture_.context.cancellation.Cancel();
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(running.value().status(), absl::CancelledError("The client is gone."));
  EXPECT_EQ(guard.counts().calls, 0);
  EXPECT_EQ(guard.breaker().Snapshot().failed, 0);
}

TEST_F(FaultyCallTest, ACallThatBeganTooLateIsNotOfTheFaults) {
  Serve();
  BackendGuard& guard = Rebuild({.latency = 1000ms});
  fixture_.context.deadline = fixture_.clock.Now();
  EXPECT_FALSE(Ask().ok());
  EXPECT_EQ(guard.counts().calls, 0);
}

TEST_F(FaultyCallTest, WhatIsTakenBackIsOver) {
  Serve();
  BackendGuard& guard = Rebuild({.latency = 1000ms, .error_percent = 100});
  guard.SetFaults({});
  EXPECT_TRUE(Ask().ok());
  EXPECT_EQ(logger_.CountOf("faults of the lab"), 2U);
}

}  // namespace
}  // namespace scaleout::gateway
