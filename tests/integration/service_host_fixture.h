// A ServiceHost in this process, serving the user service over a repository that the test scripts.
// No database. Used by one thread.
#ifndef SCALEOUT_TESTS_INTEGRATION_SERVICE_HOST_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_SERVICE_HOST_FIXTURE_H_

#include <gmock/gmock.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/grpc_status.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "service/service_calls.h"
#include "service/service_host.h"
#include "services/user/user_rpc.h"
#include "services/user/user_service.h"
#include "tests/support/fake_idempotent_writes.h"
#include "tests/support/fake_logger.h"
#include "tests/support/fake_revocations.h"
#include "tests/support/principals.h"

namespace scaleout::testing {

// A repository whose Get does what the test says; nothing else is called.
class ScriptedUsers final : public user::UserRepository {
 public:
  using Script = std::function<absl::Status(const CallContext&)>;
  explicit ScriptedUsers(Script script) : script_(std::move(script)) {}

  absl::StatusOr<user::UserRecord> Get(const CallContext& call, user::UserId id) override {
    if (absl::Status status = script_(call); !status.ok()) return status;
    user::UserRecord record;
    record.id = id;
    return record;
  }
  absl::StatusOr<user::UserRecord> Create(PostgresSession&, const user::NewUser&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<user::UserRecord>> FindMany(
      const CallContext&, const std::vector<user::UserId>&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<user::UserRecord>> List(const CallContext&,
                                                     std::optional<user::UserId>, int) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<user::ChangedUser> Update(const CallContext&, user::UserId,
                                           const user::UserChange&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<user::SessionId>> Delete(const CallContext&, user::UserId) override {
    return absl::UnimplementedError("");
  }

 private:
  const Script script_;
};

class ServiceHostFixture : public ::testing::Test {
 public:
  // Far beyond what anything takes; a test that needs it fails.
  static constexpr std::chrono::seconds kPatience{20};

 protected:
  ServiceHostFixture() {
    std::string name = (std::filesystem::temp_directory_path() / "hosttest-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    socket_ = directory_ / "s";
    config_.service = "user-service";
    config_.listen = {"unix:" + socket_.string()};
    config_.drain_timeout = std::chrono::seconds(1);
  }
  ~ServiceHostFixture() override {
    host_.reset();
    std::filesystem::remove_all(directory_);
  }

  absl::Status Start(ScriptedUsers::Script script) {
    host_.reset();
    users_ = std::make_unique<ScriptedUsers>(std::move(script));
    service_ = std::make_unique<user::UserService>(*users_, writes_, revocations_);
    host_ = std::make_unique<ServiceHost>(config_, logger_, *metrics_, SystemClock());
    rpc_ = user::MakeUserRpc(*service_, host_->calls());
    host_->Add(user::kUserServiceName, *rpc_);
    return host_->Start();
  }

  std::string target() const { return config_.listen[0]; }

  absl::Status GetUser(grpc::ClientContext& context, std::int64_t id = 1) {
    const auto stub = user::v1::UserService::NewStub(
        grpc::CreateChannel(target(), grpc::InsecureChannelCredentials()));
    user::v1::GetUserRequest request;
    request.set_user_id(id);
    user::v1::GetUserResponse response;
    return FromGrpcStatus(stub->GetUser(&context, ByLab(request), &response));
  }

  absl::Status GetUser(Duration limit = kPatience) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    return GetUser(context);
  }

  std::filesystem::path directory_;
  std::filesystem::path socket_;
  ServiceConfig config_;
  FakeLogger logger_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  std::unique_ptr<ScriptedUsers> users_;
  FakeIdempotentWrites writes_;
  FakeRevocations revocations_;
  std::unique_ptr<user::UserService> service_;
  std::unique_ptr<grpc::Service> rpc_;
  std::unique_ptr<ServiceHost> host_;  // first to go
};

inline absl::Status Succeed(const CallContext&) { return absl::OkStatus(); }

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_SERVICE_HOST_FIXTURE_H_
