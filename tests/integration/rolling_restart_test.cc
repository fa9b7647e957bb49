// A service's replicas are replaced one after the other under calls, and no call fails: a replica
// that shuts down says so first (common/routing_health.h), and the gateway's channel leaves it.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/stop_signals.h"
#include "gateway/backends/backend.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/rpc_call.h"
#include "gateway/backends/user_backend.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "service/service_host.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"
#include "tests/integration/service_host_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_idempotent_writes.h"
#include "tests/support/fake_revocations.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout {
namespace {

using testing::Eventually;
using testing::RunningTask;

// The user service over a repository that finds every user, on a thread of its own.
class Replica {
 public:
  explicit Replica(const std::string& address) {
    config_.service = "user-service";
    config_.listen = {address};
    config_.drain_grace = std::chrono::milliseconds(300);
    config_.drain_timeout = std::chrono::seconds(5);
    host_.Add(user::kUserServiceName, *rpc_);
    host_.SetServing(true);
    // Signals that go to this thread are for this replica.
    thread_ = std::thread([this] { exit_code_ = host_.Run(signals_); });
  }
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;
  ~Replica() { Stop(); }

  // As SIGTERM does; the exit code.
  int Stop() {
    if (thread_.joinable()) {
      pthread_kill(thread_.native_handle(), SIGTERM);
      thread_.join();
    }
    return exit_code_;
  }
  int calls() const { return calls_; }

 private:
  ServiceConfig config_;
  testing::FakeLogger logger_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  StopSignals signals_;
  std::atomic<int> calls_{0};
  testing::ScriptedUsers users_{[this](const CallContext&) {
    ++calls_;
    return absl::OkStatus();
  }};
  testing::FakeRevocations revocations_;
  testing::FakeIdempotentWrites writes_;
  user::UserService service_{users_, writes_, revocations_};
  ServiceHost host_{config_, logger_, *metrics_, SystemClock()};
  const std::unique_ptr<grpc::Service> rpc_ = user::MakeUserRpc(service_, host_.calls());
  int exit_code_ = -1;
  std::thread thread_;
};

class RollingRestartTest : public ::testing::Test {
 protected:
  static constexpr int kCallers = 3;

  ~RollingRestartTest() override {
    stop_ = true;
    callers_.clear();
    backend_.channel->callbacks().Wait();
    linked_.channel->callbacks().Wait();
    std::filesystem::remove_all(directory_);
  }

  static std::string MakeDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "rolling-XXXXXX").string();
    return mkdtemp(name.data());
  }
  void SetUp() override {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "gRPC's threads, not instrumented, are older than the replicas they serve here;"
                    " the drill rolling-restart does the same to instrumented processes";
#endif
  }

  void ExpectNoFailure(gateway::Backend& backend) {
    stop_ = true;
    callers_.clear();
    EXPECT_GT(backend.guard.counts().calls, 100);
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(failures_.empty()) << failures_.size() << ", the first: " << failures_[0];
  }
  std::string Path(std::size_t replica) const { return directory_ + "/" + std::to_string(replica); }

  // One call after the other until the test ends.
  void Call(gateway::Backend& backend) {
    const gateway::UserBackend users = MakeUserBackend(backend);
    while (!stop_) {
      testing::RequestFixture fixture;
      fixture.context.principal = kLabPrincipal;
      user::v1::GetUserRequest request;
      request.set_user_id(1);
      RunningTask<absl::StatusOr<user::v1::GetUserResponse>> running(
          users.GetUser(fixture.context, std::move(request)));
      EXPECT_TRUE(fixture.loop.RunUntil([&] { return running.done(); }));
      if (!running.value().ok()) {
        const std::lock_guard lock(mutex_);
        failures_.push_back(running.value().status().ToString());
      }
    }
  }

  const std::string directory_ = MakeDirectory();
  StopSignals block_signals_;  // in every thread that is made from here on
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeLogger logger_;
  testing::GuardFixture guards_{SystemClock(), *metrics_, logger_};  // without retries
  gateway::Backend backend_{"user", "unix:" + Path(0) + "," + Path(1), guards_.parts()};
  gateway::Backend linked_{"linked", "unix:" + directory_ + "/link", guards_.parts()};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::vector<std::jthread> callers_;
};

TEST_F(RollingRestartTest, FailsNoCall) {
  std::array<std::unique_ptr<Replica>, 2> replicas;
  for (std::size_t i = 0; i < 2; ++i) replicas[i] = std::make_unique<Replica>("unix:" + Path(i));
  ASSERT_TRUE(backend_.channel->channel()->WaitForConnected(std::chrono::system_clock::now() +
                                                            std::chrono::seconds(10)));
  for (int i = 0; i < kCallers; ++i) callers_.emplace_back([this] { Call(backend_); });
  for (std::size_t round = 0; round < 6; ++round) {
    for (const auto& replica : replicas) {
      const int before = replica->calls();
      ASSERT_TRUE(Eventually([&] { return replica->calls() > before; })) << "is called";
    }
    std::unique_ptr<Replica>& restarted = replicas[round % 2];
    EXPECT_EQ(restarted->Stop(), 0);
    restarted.reset();
    restarted = std::make_unique<Replica>("unix:" + Path(round % 2));
  }
  ExpectNoFailure(backend_);
}

// As the native stack restarts a service: the channel knows one address, a link, which moves to the
// next replica before the old one is stopped.
TEST_F(RollingRestartTest, FailsNoCallOfAChannelWithOneAddress) {
  const auto link_to = [this](std::size_t replica) {
    std::filesystem::create_symlink(Path(replica), directory_ + "/draft");
    std::filesystem::rename(directory_ + "/draft", directory_ + "/link");
  };
  auto on_duty = std::make_unique<Replica>("unix:" + Path(0));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path(0)); }));
  link_to(0);
  ASSERT_TRUE(linked_.channel->channel()->WaitForConnected(std::chrono::system_clock::now() +
                                                           std::chrono::seconds(10)));
  for (int i = 0; i < kCallers; ++i) callers_.emplace_back([this] { Call(linked_); });
  for (std::size_t round = 1; round <= 4; ++round) {
    ASSERT_TRUE(Eventually([&] { return on_duty->calls() > 0; }));
    auto next = std::make_unique<Replica>("unix:" + Path(round % 2));
    ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path(round % 2)); }));
    link_to(round % 2);
    EXPECT_EQ(on_duty->Stop(), 0);
    on_duty = std::move(next);
  }
  ExpectNoFailure(linked_);
}

}  // namespace
}  // namespace scaleout
