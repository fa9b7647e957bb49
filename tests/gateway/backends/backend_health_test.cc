#include "gateway/backends/backend_health.h"

#include <grpcpp/health_check_service_interface.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "gateway/backends/backend.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/rpc_call.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"
#include "tests/support/standstill.h"

namespace scaleout::gateway {
namespace {

using testing::RunningTask;

class BackendHealthTest : public ::testing::Test {
 protected:
  ~BackendHealthTest() override { user_.channel->callbacks().Wait(); }

  void Serve(bool with_health) {
    grpc::EnableDefaultHealthCheckService(with_health);
    server_.emplace(path_.target(), std::vector<grpc::Service*>{&service_});
    ASSERT_TRUE(user_.channel->channel()->WaitForConnected(std::chrono::system_clock::now() +
                                                           std::chrono::seconds(10)));
  }
  ServingState Ask() { return Ask(*user_.health); }
  ServingState Ask(BackendHealth& health) {
    RunningTask<HealthReport> running(health.Check(fixture_.context));
    EXPECT_TRUE(fixture_.loop.RunUntil([&] { return running.done(); }));
    return running.value().state;
  }

  testing::SocketPath path_;
  user::v1::UserService::Service service_;
  std::optional<testing::RpcServer> server_;
  testing::RequestFixture fixture_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeLogger logger_;
  testing::GuardFixture guards_{SystemClock(), *metrics_, logger_};
  Backend user_{"user", path_.target(), guards_.parts()};
};

TEST_F(BackendHealthTest, SaysWhatTheServiceSays) {
  Serve(true);
  EXPECT_EQ(Ask(), ServingState::kServing);
  server_->server().GetHealthCheckService()->SetServingStatus("", false);
  EXPECT_EQ(Ask(), ServingState::kNotServing);
  server_->server().GetHealthCheckService()->SetServingStatus("", true);
  EXPECT_EQ(Ask(), ServingState::kServing);
}

TEST_F(BackendHealthTest, TakesAServiceThatDoesNotKnowItsHealthAsNotServing) {
  Serve(false);
  EXPECT_EQ(Ask(), ServingState::kNotServing);
}

TEST_F(BackendHealthTest, CannotReachWhatIsNotThere) {
  EXPECT_EQ(Ask(), ServingState::kUnreachable);
}

TEST_F(BackendHealthTest, CannotReachWhatSaysNothingInTime) {
  const testing::SocketPath path;
  const testing::SilentServer silent(path.path());
  BackendChannel channel(path.target());
  const std::unique_ptr<BackendHealth> health = MakeBackendHealth(channel);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Ask(*health), ServingState::kUnreachable);
  EXPECT_GE(std::chrono::steady_clock::now() - start, kHealthCheckDeadline);
  EXPECT_LT(std::chrono::steady_clock::now() - start, kHealthCheckDeadline + testing::kStandstill);
  channel.callbacks().Wait();
}

TEST_F(BackendHealthTest, IsNoCallThatCountsForTheBackend) {
  EXPECT_EQ(Ask(), ServingState::kUnreachable);
  EXPECT_EQ(user_.guard.counts().calls, 0);
  EXPECT_EQ(user_.guard.counts().failures, 0);
  EXPECT_TRUE(logger_.lines().empty());
}

}  // namespace
}  // namespace scaleout::gateway
