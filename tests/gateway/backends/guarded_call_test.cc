// The guarded call end to end: through the user backend, against a real gRPC server.
#include "gateway/backends/guarded_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/grpc_channel.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "tests/gateway/backends/guarded_call_fixture.h"
#include "tests/support/standstill.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunningTask;

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

TEST_F(GuardedCallTest, SendsTheDeadlineAndTheRequestsIds) {
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
  fixture_.context.deadline = fixture_.clock.Now() + std::chrono::seconds(60);
  fixture_.context.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_TRUE(Ask().ok());
  const std::lock_guard lock(mutex);
  EXPECT_GT(left, std::chrono::seconds(50));
  EXPECT_LT(left, std::chrono::seconds(61));
  EXPECT_EQ(metadata.find("x-request-id")->second, "test-request");
  EXPECT_EQ(metadata.find("traceparent")->second, fixture_.context.traceparent);
}

TEST_F(GuardedCallTest, SurvivesARequestIdThatIsNoMetadata) {
  Serve();
  fixture_.context.request_id = "a\nb";
  EXPECT_TRUE(Ask().ok());
}

TEST_F(GuardedCallTest, ReturnsTheServicesOwnErrorsUnchanged) {
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
    response.mutable_user()->set_name(std::string(scaleout::kMaxMessageBytes + 1, 'x'));
    return grpc::Status::OK;
  };
  Serve();
  EXPECT_EQ(Ask().status(), absl::InternalError("The call to the user service failed."));
}

TEST_F(GuardedCallTest, KeepsTheDeadlineAgainstAServiceThatSaysNothing) {
  const testing::SocketPath path;
  const testing::SilentServer silent(path.path());
  Backend unheard("silent", path.target(), guards_.parts());
  const CallbackWait wait(unheard);
  const UserBackend backend = MakeUserBackend(unheard);
  fixture_.context.deadline = fixture_.clock.Now() + std::chrono::milliseconds(100);
  RunningTask<Answer> running(backend.GetUser(fixture_.context, user::v1::GetUserRequest()));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, testing::kStandstill);
  EXPECT_EQ(running.value().status().code(), absl::StatusCode::kDeadlineExceeded);
}

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

// What a gateway does all day, with its loops and gRPC's threads at once; for the race detector.
TEST_F(GuardedCallTest, IsMadeByManyLoopsAtOnce) {
  Serve();
  const auto loop = [this](std::int64_t first_id) {
    testing::RequestFixture own;
    const CallbackWait wait(user_);
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
  };
  std::jthread first(loop, 100);
  std::jthread second(loop, 200);
  first.join();
  second.join();
  EXPECT_EQ(user_.guard.counts().calls, 400);
  EXPECT_EQ(user_.guard.counts().in_flight, 0);
}

}  // namespace
}  // namespace scaleout::gateway
