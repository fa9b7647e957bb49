// The resilience around an attempt: the components have tests of their own, these show that they
// are wired.
#include <gtest/gtest.h>

#include <atomic>
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

TEST_F(ResilientCallTest, APlainCallHasItsDeadlineAndNothingElse) {
  guards_.config.plain_calls = true;
  Rebuild();
  resilient_->guard.breaker().ForceOpen();
  service_.reply = FailTimes(1, grpc::StatusCode::UNAVAILABLE);
  Serve();
  EXPECT_EQ(AskWithTime(GetUser()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(AskWithTime(GetUser()).ok());
  EXPECT_EQ(service_.calls, 2);
  EXPECT_EQ(resilient_->guard.counts().calls, 0);
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
  guards_.config.retry.max_attempts = 3;
  guards_.config.retry.backoff = guards_.config.retry.backoff_max = std::chrono::milliseconds(500);
  Rebuild();
  service_.reply = FailTimes(1000, grpc::StatusCode::UNAVAILABLE);
  Serve();
  RunningTask<Answer> running(GetUser());
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return fixture_.loop.timers() == 1; }));
  fixture_.context.cancellation.Cancel();
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(running.value().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(service_.calls, 1);
}

}  // namespace
}  // namespace scaleout::gateway
