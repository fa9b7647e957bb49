// The guarded call end to end: through the user backend, against a real gRPC server.
#include "gateway/backends/guarded_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/grpc_status.h"
#include "common/status.h"
#include "gateway/backends/backend.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/user_backend.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunningTask;
using Answer = absl::StatusOr<user::v1::GetUserResponse>;

constexpr std::chrono::seconds kPatience{10};

// Answers as the test says. A call that hangs ends when its client gives it up.
class UserService final : public user::v1::UserService::Service {
 public:
  using Reply = std::function<grpc::Status(grpc::ServerContext&, user::v1::GetUserResponse&)>;

  grpc::Status GetUser(grpc::ServerContext* context, const user::v1::GetUserRequest* request,
                       user::v1::GetUserResponse* response) override {
    ++calls;
    response->mutable_user()->set_id(request->user_id());
    return reply(*context, *response);
  }

  static grpc::Status Hang(grpc::ServerContext& context, user::v1::GetUserResponse&) {
    testing::Eventually([&context] { return context.IsCancelled(); });
    return grpc::Status::CANCELLED;
  }

  std::atomic<int> calls{0};
  Reply reply = [](grpc::ServerContext&, user::v1::GetUserResponse&) { return grpc::Status::OK; };
};

class GuardedCallTest : public ::testing::Test {
 protected:
  GuardedCallTest() { fixture_.context.deadline = fixture_.clock.Now() + kPatience; }
  ~GuardedCallTest() override { user_.channel->callbacks().Wait(); }

  void Serve() {
    server_.emplace(path_.target(), std::vector<grpc::Service*>{&service_});
    ASSERT_TRUE(
        user_.channel->channel()->WaitForConnected(std::chrono::system_clock::now() + kPatience));
  }
  void WaitUntilCalled() {
    ASSERT_TRUE(testing::Eventually([this] { return service_.calls > 0; }));
  }

  Task<Answer> GetUser(std::int64_t id = 7) {
    user::v1::GetUserRequest request;
    request.set_user_id(id);
    return backend_.GetUser(fixture_.context, std::move(request));
  }
  Answer Ask() {
    RunningTask<Answer> running(GetUser());
    EXPECT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
    return running.value();
  }

  testing::SocketPath path_;
  UserService service_;
  std::optional<testing::RpcServer> server_;
  testing::RequestFixture fixture_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeLogger logger_;
  testing::GuardFixture guards_{fixture_.clock, *metrics_, logger_};
  Backend user_{"user", path_.target(), guards_.parts()};
  UserBackend backend_ = MakeUserBackend(user_);
};

TEST_F(GuardedCallTest, BringsTheAnswerAndCountsTheCall) {
  Serve();
  const Answer answer = Ask();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->user().id(), 7);
  EXPECT_EQ(user_.guard.counts().calls, 1);
  EXPECT_EQ(user_.guard.counts().failures, 0);
  EXPECT_EQ(user_.guard.counts().in_flight, 0);
  EXPECT_EQ(metrics_
                ->AddHistogram("rpc_client_call_duration_seconds", "", LatencyBounds(),
                               {{"backend", "user"}, {"method", "GetUser"}, {"code", "OK"}})
                .count(),
            1U);
}

TEST_F(GuardedCallTest, TellsTheServiceItsDeadlineAndWhoseRequestItIs) {
  std::mutex mutex;
  std::chrono::nanoseconds left{};
  std::multimap<std::string, std::string> metadata;
  service_.reply = [&](grpc::ServerContext& context, user::v1::GetUserResponse&) {
    const std::lock_guard lock(mutex);
    left = context.deadline() - std::chrono::system_clock::now();
    for (const auto& [key, value] : context.client_metadata()) {
      metadata.emplace(std::string(key.data(), key.size()),
                       std::string(value.data(), value.size()));
    }
    return grpc::Status::OK;
  };
  Serve();
  fixture_.context.deadline = fixture_.clock.Now() + std::chrono::seconds(5);
  fixture_.context.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_TRUE(Ask().ok());
  const std::lock_guard lock(mutex);
  EXPECT_GT(left, std::chrono::seconds(3));
  EXPECT_LT(left, std::chrono::seconds(6));
  EXPECT_EQ(metadata.find("x-request-id")->second, "test-request");
  EXPECT_EQ(metadata.find("traceparent")->second, fixture_.context.traceparent);
}

TEST_F(GuardedCallTest, SurvivesARequestIdThatIsNoMetadata) {
  Serve();
  fixture_.context.request_id = "a\nb";
  EXPECT_TRUE(Ask().ok());
}

TEST_F(GuardedCallTest, PassesTheServicesOwnErrorsOn) {
  const absl::Status refused = CheckFields({{"/email", "is taken"}});
  const absl::Status down =
      WithReason(absl::UnavailableError("The database does not answer."), "DATABASE_DOWN");
  Serve();
  for (const absl::Status& sent : {refused, down, absl::NotFoundError("There is no user 7.")}) {
    service_.reply = [&sent](grpc::ServerContext&, user::v1::GetUserResponse&) {
      return ToGrpcStatus(sent);
    };
    const absl::Status got = Ask().status();
    EXPECT_EQ(got.code(), sent.code());
    EXPECT_EQ(got.message(), sent.message());
    EXPECT_EQ(FieldViolationsOf(got), FieldViolationsOf(sent));
    EXPECT_EQ(ReasonOf(got), ReasonOf(sent));
  }
  EXPECT_EQ(user_.guard.counts().failures, 1);
  EXPECT_TRUE(logger_.lines().empty());
}

TEST_F(GuardedCallTest, EndsAtTheRequestsDeadline) {
  service_.reply = &UserService::Hang;
  Serve();
  fixture_.context.deadline = fixture_.clock.Now() + std::chrono::milliseconds(50);
  const absl::Status status = Ask().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(status.message(), "The user service did not answer in time.");
  EXPECT_EQ(ReasonOf(status), "DEADLINE_EXCEEDED");
  EXPECT_EQ(user_.guard.counts().failures, 1);
}

TEST_F(GuardedCallTest, EndsWhenTheClientGoesAndEndsTheServicesWorkToo) {
  std::atomic<bool> gave_up{false};
  service_.reply = [&gave_up](grpc::ServerContext& context, user::v1::GetUserResponse& response) {
    const grpc::Status status = UserService::Hang(context, response);
    gave_up = true;
    return status;
  };
  Serve();
  RunningTask<Answer> running(GetUser());
  WaitUntilCalled();
  EXPECT_FALSE(running.done());
  fixture_.context.cancellation.Cancel();
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(running.value().status(), absl::CancelledError("The client is gone."));
  EXPECT_EQ(user_.guard.counts().failures, 0);
  server_->Kill();
  EXPECT_TRUE(gave_up);
}

TEST_F(GuardedCallTest, SaysThatTheServiceIsNotReachableAndNotWhere) {
  const absl::Status status = Ask().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "The user service is not reachable.");
  EXPECT_EQ(ReasonOf(status), "BACKEND_UNREACHABLE");
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr(path_.path())));
  const std::optional<testing::LoggedLine> line = logger_.Find("Call to backend failed");
  ASSERT_TRUE(line.has_value());
  EXPECT_THAT(line->fields.at("error"), HasSubstr(path_.path()));
}

TEST_F(GuardedCallTest, ReachesAServiceSoonAfterItStarts) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Ask().ok());
  server_.emplace(path_.target(), std::vector<grpc::Service*>{&service_});
  EXPECT_TRUE(testing::Eventually([this] { return Ask().ok(); }, std::chrono::seconds(3)));
}

TEST_F(GuardedCallTest, IsUnavailableWhenTheServiceStopsDuringTheCall) {
  service_.reply = &UserService::Hang;
  Serve();
  RunningTask<Answer> running(GetUser());
  WaitUntilCalled();
  server_->Kill();
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_EQ(running.value().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(running.value().status().message(), "The user service is not reachable.");
  EXPECT_EQ(user_.guard.counts().failures, 1);
}

TEST_F(GuardedCallTest, IsUnavailableWhenTheServiceCancelsTheCall) {
  service_.reply = [](grpc::ServerContext&, user::v1::GetUserResponse&) {
    return grpc::Status(grpc::StatusCode::CANCELLED, "shutting down");
  };
  Serve();
  EXPECT_EQ(Ask().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(GuardedCallTest, FailsWhenTheAnswerIsLargerThanAnyPage) {
  service_.reply = [](grpc::ServerContext&, user::v1::GetUserResponse& response) {
    response.mutable_user()->set_name(std::string(kMaxMessageBytes + 1, 'x'));
    return grpc::Status::OK;
  };
  Serve();
  EXPECT_EQ(Ask().status(), absl::InternalError("The call to the user service failed."));
}

TEST_F(GuardedCallTest, KeepsTheDeadlineAgainstAServiceThatSaysNothing) {
  const testing::SocketPath path;
  const testing::SilentServer silent(path.path());
  Backend unheard("silent", path.target(), guards_.parts());
  const UserBackend backend = MakeUserBackend(unheard);
  fixture_.context.deadline = fixture_.clock.Now() + std::chrono::milliseconds(100);
  RunningTask<Answer> running(backend.GetUser(fixture_.context, user::v1::GetUserRequest()));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  EXPECT_EQ(running.value().status().code(), absl::StatusCode::kDeadlineExceeded);
  unheard.channel->callbacks().Wait();
}

// The resilience around an attempt: the components have tests of their own, these show that they
// are wired.
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

// What a gateway does all day, with its loops and gRPC's threads at once; for the race detector.
TEST_F(GuardedCallTest, DoesNotTakeABusyLoopForASlowBackend) {
  Serve();
  RunningTask<Answer> running(GetUser());
  ASSERT_TRUE(testing::Eventually([this] { return fixture_.loop.posted() == 1; }));
  fixture_.clock.Advance(std::chrono::seconds(3));
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  ASSERT_TRUE(running.value().ok());
  const CallCounts counts = user_.guard.breaker().Snapshot().counts;
  EXPECT_EQ(counts.calls, 1);
  EXPECT_EQ(counts.slow, 0);
}

TEST_F(GuardedCallTest, IsMadeByManyLoopsAtOnce) {
  Serve();
  const auto loop = [this](std::int64_t first_id) {
    testing::RequestFixture own;
    own.context.deadline = own.clock.Now() + kPatience;
    for (int round = 0; round < 20; ++round) {
      std::vector<std::unique_ptr<RunningTask<Answer>>> calls;
      for (int i = 0; i < 10; ++i) {
        user::v1::GetUserRequest request;
        request.set_user_id(first_id + i);
        calls.push_back(std::make_unique<RunningTask<Answer>>(
            backend_.GetUser(own.context, std::move(request))));
      }
      for (std::size_t i = 0; i < calls.size(); ++i) {
        ASSERT_TRUE(own.loop.RunUntil([&] { return calls[i]->done(); }));
        ASSERT_TRUE(calls[i]->value().ok()) << calls[i]->value().status();
        EXPECT_EQ(calls[i]->value()->user().id(), first_id + static_cast<std::int64_t>(i));
      }
    }
    // The loop ends with this function: nobody may still be posting to it.
    user_.channel->callbacks().Wait();
  };
  std::thread first(loop, 100);
  std::thread second(loop, 200);
  first.join();
  second.join();
  EXPECT_EQ(user_.guard.counts().calls, 400);
  EXPECT_EQ(user_.guard.counts().in_flight, 0);
}

}  // namespace
}  // namespace scaleout::gateway
