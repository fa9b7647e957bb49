// A service as a process over a private PostgreSQL, and calls to it.
#ifndef SCALEOUT_TESTS_INTEGRATION_SERVICE_PROCESS_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_SERVICE_PROCESS_FIXTURE_H_

#include <gmock/gmock.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/grpc_status.h"
#include "common/status.h"
#include "deploy/probe/grpc_probe.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "tests/integration/child_process.h"
#include "tests/integration/pool_fixture.h"
#include "tests/support/principals.h"

namespace scaleout::testing {

class ServiceProcessFixture : public ::testing::Test {
 protected:
  ServiceProcessFixture()
      : postgres_(PrivatePostgres::Running()), conninfo_(postgres_.CreateDatabase()) {
    std::string name = (std::filesystem::temp_directory_path() / "svctest-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    environment_ = {
        {"SERVICE_LISTEN", target()}, {"SERVICE_DRAIN_GRACE", "100ms"}, {"DB_CONNINFO", conninfo_}};
  }
  ~ServiceProcessFixture() override {
    process_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string target() const { return "unix:" + (directory_ / "s").string(); }

  void Start(const std::string& program) {
    process_.reset();
    process_ =
        std::make_unique<ChildProcess>(std::vector<std::string>{program}, environment_, directory_);
  }
  bool BecomesServing() {
    return Eventually([this] { return ProbeGrpc(target(), "", std::chrono::seconds(1)).ok(); });
  }
  void StartAndServe(const std::string& program) {
    Start(program);
    ASSERT_TRUE(BecomesServing()) << process_->out() << process_->err();
  }

  std::shared_ptr<grpc::Channel> Channel() const {
    grpc::ChannelArguments arguments;
    // A channel of its own for each call: what one learnt of a dead process is not for the next.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(target(), grpc::InsecureChannelCredentials(), arguments);
  }

  absl::StatusOr<user::v1::User> CreateUser(const std::string& email) const {
    const auto stub = user::v1::UserService::NewStub(Channel());
    user::v1::CreateUserRequest request;
    request.set_email(email);
    request.set_name("Ada");
    user::v1::CreateUserResponse response;
    grpc::ClientContext context;
    if (absl::Status s = FromGrpcStatus(stub->CreateUser(&context, ByLab(request), &response));
        !s.ok())
      return s;
    return response.user();
  }

  absl::Status GetUser(std::int64_t id, Duration limit = kPatience) const {
    const auto stub = user::v1::UserService::NewStub(Channel());
    user::v1::GetUserRequest request;
    request.set_user_id(id);
    user::v1::GetUserResponse response;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    return FromGrpcStatus(stub->GetUser(&context, ByLab(request), &response));
  }

  // For the n-th order and its reservation.
  absl::StatusOr<payment::v1::CreatePaymentResponse> CreatePayment(int n = 1) const {
    const auto stub = payment::v1::PaymentService::NewStub(Channel());
    payment::v1::CreatePaymentRequest request;
    request.set_order_id(n);
    request.set_user_id(7);
    request.mutable_amount()->set_amount_minor(1999);
    request.mutable_amount()->set_currency_code("EUR");
    request.set_payment_method_token("tok_success");
    request.set_reservation_id("00000000-0000-4000-8000-00000000000" + std::to_string(n));
    payment::v1::CreatePaymentResponse response;
    grpc::ClientContext context;
    if (absl::Status s = FromGrpcStatus(stub->CreatePayment(&context, ByLab(request), &response));
        !s.ok()) {
      return s;
    }
    return response;
  }

  std::string Ask(const std::string& sql) const { return postgres_.Ask(conninfo_, sql); }

  PrivatePostgres& postgres_;
  const std::string conninfo_;
  std::filesystem::path directory_;
  std::map<std::string, std::string> environment_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_SERVICE_PROCESS_FIXTURE_H_
