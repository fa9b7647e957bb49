// The resilience around an attempt: the components have tests of their own, these show that they
// are wired.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "common/grpc_status.h"
#include "common/metrics.h"
#include "common/status.h"
#include "gateway/backends/guarded_call.h"
#include "gateway/backends/shared_call.h"
#include "gateway/resilience/rejection.h"
#include "tests/gateway/backends/guarded_call_fixture.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunningTask;

class ResilientCallTest : public GuardedCallTest {
 protected:
  void Rebuild() {
    const GuardParts parts{guards_.config, fixture_.clock, [] { return 0.5; }, *own_metrics_,
                           logger_};
    resilient_.emplace("user", path_.target(), parts);
    backend_ = MakeUserBackend(*resilient_);
  }
  ~ResilientCallTest() override {
    if (resilient_) resilient_->channel->callbacks().Wait();
  }
  // As Ask, with the clock going on, so that pauses between attempts end.
  Answer AskWithTime(Task<Answer> task) {
    RunningTask<Answer> running(std::move(task));
    while (!running.done()) {
      fixture_.loop.RunUntil([&] { return running.done(); }, std::chrono::milliseconds(5));
      fixture_.clock.Advance(std::chrono::milliseconds(10));
    }
    return running.value();
  }
  static UserService::Reply FailTimes(int times, grpc::StatusCode code) {
    auto left = std::make_shared<std::atomic<int>>(times);
    return [left, code](grpc::ServerContext&, user::v1::GetUserResponse&) {
      return left->fetch_sub(1) > 0 ? grpc::Status(code, "down") : grpc::Status::OK;
    };
  }
  // Whether the first attempt fails and the pause after it begins.
  bool RunUntilItPauses() {
    return fixture_.loop.RunUntil([this] {
      return resilient_->guard.breaker().Snapshot().failed == 1 && fixture_.loop.timers() == 1;
    });
  }
  // Three attempts with pauses of 250 ms, all of them UNAVAILABLE.
  void ServeOnlyFailures() {
    guards_.config.retry.max_attempts = 3;
    guards_.config.retry.backoff = guards_.config.retry.backoff_max =
        std::chrono::milliseconds(500);
    Rebuild();
    service_.reply = FailTimes(1000, grpc::StatusCode::UNAVAILABLE);
    Serve();
  }

  std::unique_ptr<Metrics> own_metrics_ = MakeMetrics();
  std::optional<Backend> resilient_;
};

TEST_F(ResilientCallTest, AnIdempotentCallIsMadeAgainWhereTheServiceWasUnavailable) {
  guards_.config.retry.max_attempts = 3;
  Rebuild();
  service_.reply = FailTimes(2, grpc::StatusCode::UNAVAILABLE);
  Serve();
  EXPECT_TRUE(AskWithTime(GetUser()).ok());
  EXPECT_EQ(service_.calls, 3);
  EXPECT_EQ(resilient_->guard.counts().calls, 1) << "one call, whatever its attempts";
}

TEST_F(ResilientCallTest, ThreeAttemptsAreAll) {
  guards_.config.retry.max_attempts = 3;
  Rebuild();
  service_.reply = FailTimes(100, grpc::StatusCode::UNAVAILABLE);
  Serve();
  EXPECT_EQ(AskWithTime(GetUser()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(service_.calls, 3);
}

TEST_F(ResilientCallTest, WhatIsNotIdempotentIsTriedOnce) {
  guards_.config.retry.max_attempts = 3;
  Rebuild();
  Serve();
  server_.reset();
  user::v1::DeleteUserRequest request;
  RunningTask<absl::StatusOr<user::v1::DeleteUserResponse>> running(
      backend_.DeleteUser(fixture_.context, std::move(request)));
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(fixture_.loop.timers(), 0U);
}

// Without the weight a service that hangs would fail 64 readers a call, and the breaker would wait
// for twenty calls.
TEST_F(ResilientCallTest, ACallForManyRequestsWeighsAsMuchInTheBreaker) {
  guards_.config.breaker.minimum_calls = 20;
  Rebuild();
  service_.reply = FailTimes(100, grpc::StatusCode::UNAVAILABLE);
  Serve();
  SharedCall shared{.requests = 20};
  fixture_.context.shared = &shared;
  EXPECT_EQ(AskWithTime(GetUser()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(resilient_->guard.breaker().state(), CircuitState::kOpen);
}

TEST_F(ResilientCallTest, TheBreakerGoesByWhatTheServiceSaidAndNotByTheClientsWords) {
  guards_.config.breaker.minimum_calls = 5;
  Rebuild();
  Serve();
  for (const grpc::StatusCode code :
       {grpc::StatusCode::RESOURCE_EXHAUSTED, grpc::StatusCode::UNAUTHENTICATED}) {
    service_.reply = FailTimes(1000, code);
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(AskWithTime(GetUser()).status(),
                absl::InternalError("The call to the user service failed."));
    }
  }
  const CircuitSnapshot seen = resilient_->guard.breaker().Snapshot();
  EXPECT_EQ(seen.state, CircuitState::kClosed);
  EXPECT_EQ(seen.ignored, 10);
  EXPECT_EQ(seen.successful, 10);
  EXPECT_EQ(resilient_->guard.counts().calls, 20);
  EXPECT_EQ(resilient_->guard.counts().failures, 0);
}

TEST_F(ResilientCallTest, AServiceThatCancelsItsCallsIsAway) {
  guards_.config.breaker.minimum_calls = 5;
  Rebuild();
  service_.reply = FailTimes(1000, grpc::StatusCode::CANCELLED);
  Serve();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ReasonOf(AskWithTime(GetUser()).status()), "BACKEND_UNREACHABLE");
  }
  EXPECT_EQ(resilient_->guard.breaker().state(), CircuitState::kOpen);
  EXPECT_EQ(resilient_->guard.counts().failures, 5);
}

TEST_F(ResilientCallTest, ACallThatIsToBeDividedSaysNothingAboutTheBackend) {
  Rebuild();
  service_.reply = FailTimes(100, grpc::StatusCode::INTERNAL);
  Serve();
  SharedCall shared{.requests = 20, .divisible = true};
  fixture_.context.shared = &shared;
  const double budget = resilient_->guard.retry_budget().Snapshot().available;
  EXPECT_EQ(AskWithTime(GetUser()).status().code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(shared.divided);
  EXPECT_EQ(resilient_->guard.breaker().Snapshot().ignored, 20);
  EXPECT_EQ(resilient_->guard.breaker().Snapshot().failed, 0);
  EXPECT_LT(resilient_->guard.retry_budget().Snapshot().available, budget);
}

// Otherwise a service that fails everything would never open its breaker.
TEST_F(ResilientCallTest, ACallThatCannotBeDividedForWantOfBudgetCountsAsFailed) {
  Rebuild();
  service_.reply = FailTimes(100, grpc::StatusCode::INTERNAL);
  Serve();
  while (resilient_->guard.retry_budget().TryWithdraw()) {
  }
  SharedCall shared{.requests = 20, .divisible = true};
  fixture_.context.shared = &shared;
  EXPECT_EQ(AskWithTime(GetUser()).status().code(), absl::StatusCode::kInternal);
  EXPECT_FALSE(shared.divided);
  EXPECT_EQ(resilient_->guard.breaker().Snapshot().failed, 20);
}

TEST_F(ResilientCallTest, ACallThatWasRefusedForItsLoadIsNotDivided) {
  Rebuild();
  service_.reply = FailTimes(100, grpc::StatusCode::UNAVAILABLE);
  Serve();
  SharedCall shared{.requests = 20, .divisible = true};
  fixture_.context.shared = &shared;
  EXPECT_EQ(AskWithTime(GetUser()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(shared.divided);
}

TEST_F(ResilientCallTest, AnOpenCircuitRefusesWithoutAskingTheService) {
  Rebuild();
  Serve();
  resilient_->guard.breaker().ForceOpen();
  RunningTask<Answer> running(GetUser());
  ASSERT_TRUE(running.done()) << "at once";
  EXPECT_EQ(ReasonOf(running.value().status()), "CIRCUIT_OPEN");
  EXPECT_EQ(service_.calls, 0);
}

TEST_F(ResilientCallTest, TheCircuitOpensAfterEnoughFailures) {
  guards_.config.breaker.minimum_calls = 20;
  Rebuild();
  service_.reply = FailTimes(1000, grpc::StatusCode::INTERNAL);
  Serve();
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(AskWithTime(GetUser()).ok());
  EXPECT_EQ(resilient_->guard.breaker().state(), CircuitState::kOpen);
  EXPECT_EQ(logger_.CountOf("circuit breaker"), 1U);
}

TEST_F(ResilientCallTest, CallsRefusedLocallyLeaveNoTrace) {
  guards_.config.bulkhead.max_concurrent_calls = 1;
  Rebuild();
  Serve();
  const auto expect_no_trace = [this](std::string_view what) {
    EXPECT_EQ(resilient_->guard.counts().calls, 0) << what;
    EXPECT_EQ(resilient_->guard.counts().failures, 0) << what;
    EXPECT_EQ(resilient_->guard.counts().in_flight, 0) << what;
    EXPECT_EQ(resilient_->guard.retry_budget().Snapshot().available, 30) << what;
    EXPECT_THAT(own_metrics_->RenderPrometheus(),
                Not(HasSubstr("rpc_client_call_duration_seconds")))
        << what;
    EXPECT_EQ(service_.calls, 0) << what;
    EXPECT_EQ(logger_.CountOf("Call to backend failed"), 0U) << what;
  };
  resilient_->guard.breaker().ForceOpen();
  EXPECT_EQ(ReasonOf(Ask().status()), "CIRCUIT_OPEN");
  expect_no_trace("open circuit");
  resilient_->guard.breaker().Reset();

  std::optional<BulkheadPermit> taken = resilient_->guard.bulkhead().TryAcquire();
  EXPECT_EQ(ReasonOf(Ask().status()), "BULKHEAD_FULL");
  taken.reset();
  expect_no_trace("full bulkhead");

  fixture_.context.deadline = fixture_.clock.Now();
  const absl::Status late = Ask().status();
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ReasonOf(late), "DEADLINE_EXCEEDED");
  EXPECT_EQ(MetadataOf(late).at("backend"), "user");
  expect_no_trace("no time left");

  fixture_.context.deadline = fixture_.clock.Now() + kPatience;
  fixture_.context.cancellation.Cancel();
  EXPECT_EQ(Ask().status().code(), absl::StatusCode::kCancelled);
  expect_no_trace("client gone");
}

TEST_F(ResilientCallTest, ACallWhoseRetryIsRefusedCountsWithItsLastAttempt) {
  ServeOnlyFailures();
  RunningTask<Answer> running(GetUser());
  ASSERT_TRUE(RunUntilItPauses());
  resilient_->guard.breaker().ForceOpen();
  fixture_.clock.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(ReasonOf(running.value().status()), "CIRCUIT_OPEN");
  EXPECT_FALSE(IsRejectedCall(running.value().status())) << "the service may have carried it out";
  EXPECT_EQ(service_.calls, 1);
  EXPECT_EQ(resilient_->guard.counts().calls, 1);
  EXPECT_EQ(resilient_->guard.counts().failures, 1);
  const Histogram& durations = own_metrics_->AddHistogram(
      "rpc_client_call_duration_seconds", "", LatencyBounds(),
      {{"backend", "user"}, {"method", "GetUser"}, {"code", "UNAVAILABLE"}});
  EXPECT_EQ(durations.count(), 1U);
  EXPECT_LT(durations.sum(), 1) << "the pause before the refused retry is not the backend's";
}

// A service that sheds load works; a retry would add to the load, an open circuit refuse the calls
// that it still answers.
TEST_F(ResilientCallTest, LoadSheddingByTheServiceIsNotRetriedAndOpensNoCircuit) {
  guards_.config.breaker.minimum_calls = 20;
  guards_.config.retry.max_attempts = 3;
  Rebuild();
  Serve();
  for (const std::string_view reason : {"OVERLOADED", "DATABASE_POOL_EXHAUSTED"}) {
    service_.calls = 0;
    service_.reply = [reason](grpc::ServerContext&, user::v1::GetUserResponse&) {
      return ToGrpcStatus(WithReason(absl::UnavailableError("too much at once"), reason));
    };
    for (int i = 0; i < 30; ++i) {
      const absl::Status status = AskWithTime(GetUser()).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
      EXPECT_EQ(ReasonOf(status), reason);
    }
    EXPECT_EQ(service_.calls, 30) << reason;
  }
  const CircuitSnapshot circuit = resilient_->guard.breaker().Snapshot();
  EXPECT_EQ(circuit.state, CircuitState::kClosed);
  EXPECT_EQ(circuit.ignored, 60);
  EXPECT_EQ(circuit.failed, 0);
  EXPECT_EQ(resilient_->guard.counts().failures, 0);
}

TEST_F(ResilientCallTest, AFullBulkheadRefusesAtOnce) {
  guards_.config.bulkhead.max_concurrent_calls = 1;
  Rebuild();
  service_.reply = &UserService::Hang;
  Serve();
  RunningTask<Answer> first(GetUser());
  WaitUntilCalled();
  RunningTask<Answer> second(GetUser());
  ASSERT_TRUE(second.done());
  EXPECT_EQ(ReasonOf(second.value().status()), "BULKHEAD_FULL");
  fixture_.context.cancellation.Cancel();
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return first.done(); }));
  EXPECT_EQ(resilient_->guard.bulkhead().in_flight(), 0);
}

TEST_F(ResilientCallTest, AClientThatAsksForTheImpossibleOpensNoCircuit) {
  guards_.config.breaker.minimum_calls = 20;
  Rebuild();
  service_.reply = &UserService::Hang;
  Serve();
  for (int i = 0; i < 30; ++i) {
    testing::RequestFixture hasty;
    hasty.context.deadline = hasty.clock.Now() + std::chrono::milliseconds(1);
    user::v1::GetUserRequest request;
    RunningTask<Answer> running(backend_.GetUser(hasty.context, std::move(request)));
    ASSERT_TRUE(hasty.loop.RunUntil([&] { return running.done(); }));
    EXPECT_EQ(running.value().status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_EQ(resilient_->guard.breaker().state(), CircuitState::kClosed);
}

TEST_F(ResilientCallTest, AnAttemptEndsBeforeTheCallDoes) {
  guards_.config.attempt_timeout = std::chrono::milliseconds(50);
  Rebuild();
  service_.reply = &UserService::Hang;
  Serve();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Ask().status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - start, kPatience / 2);
}

TEST_F(ResilientCallTest, AClientThatLeavesEndsThePauseBetweenAttempts) {
  ServeOnlyFailures();
  RunningTask<Answer> running(GetUser());
  ASSERT_TRUE(RunUntilItPauses());
  fixture_.context.cancellation.Cancel();
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(running.value().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(service_.calls, 1);
}

}  // namespace
}  // namespace scaleout::gateway
