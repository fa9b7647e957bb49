// Calls of the user backend to a real gRPC server that answers as the test says. Used by one
// thread; gRPC's threads run the service.
#ifndef SCALEOUT_TESTS_GATEWAY_BACKENDS_GUARDED_CALL_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_BACKENDS_GUARDED_CALL_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/metrics.h"
#include "gateway/backends/backend.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/rpc_call.h"
#include "gateway/backends/user_backend.h"
#include "gateway/runtime/task.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {

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

// The longest that a call may take in a test.
inline constexpr std::chrono::seconds kPatience{10};

// Waits for gRPC's callbacks at the end of its scope, also where a failed ASSERT leaves it: what
// they post to must still live. Declared after that.
class CallbackWait {
 public:
  explicit CallbackWait(Backend& backend) : backend_(backend) {}
  CallbackWait(const CallbackWait&) = delete;
  CallbackWait& operator=(const CallbackWait&) = delete;
  ~CallbackWait() { backend_.channel->callbacks().Wait(); }

 private:
  Backend& backend_;
};

class GuardedCallTest : public ::testing::Test {
 protected:
  using Answer = absl::StatusOr<user::v1::GetUserResponse>;

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
    testing::RunningTask<Answer> running(GetUser());
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

}  // namespace scaleout::gateway

#endif  // SCALEOUT_TESTS_GATEWAY_BACKENDS_GUARDED_CALL_FIXTURE_H_
