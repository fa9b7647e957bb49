#include "gateway/backends/user_backend.h"

#include <utility>

#include "gateway/backends/backend.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/guarded_call.h"
#include "scaleout/user/v1/user.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using Stub = user::v1::UserService::Stub;
using Rpc = user::v1::UserService::StubInterface::async_interface;

class GrpcUserBackend final : public UserBackend {
 public:
  explicit GrpcUserBackend(Backend& backend)
      : backend_(backend), stub_(backend.channel->channel()), rpc_(*stub_.async()) {}

  Task<absl::StatusOr<user::v1::CreateUserResponse>> CreateUser(
      RequestContext& context, user::v1::CreateUserRequest request) override {
    return GuardedCall(context, *backend_.channel, create_user_, rpc_, &Rpc::CreateUser,
                       std::move(request));
  }
  Task<absl::StatusOr<user::v1::GetUserResponse>> GetUser(
      RequestContext& context, user::v1::GetUserRequest request) override {
    return GuardedCall(context, *backend_.channel, get_user_, rpc_, &Rpc::GetUser,
                       std::move(request));
  }
  Task<absl::StatusOr<user::v1::ListUsersResponse>> ListUsers(
      RequestContext& context, user::v1::ListUsersRequest request) override {
    return GuardedCall(context, *backend_.channel, list_users_, rpc_, &Rpc::ListUsers,
                       std::move(request));
  }
  Task<absl::StatusOr<user::v1::UpdateUserResponse>> UpdateUser(
      RequestContext& context, user::v1::UpdateUserRequest request) override {
    return GuardedCall(context, *backend_.channel, update_user_, rpc_, &Rpc::UpdateUser,
                       std::move(request));
  }
  Task<absl::StatusOr<user::v1::DeleteUserResponse>> DeleteUser(
      RequestContext& context, user::v1::DeleteUserRequest request) override {
    return GuardedCall(context, *backend_.channel, delete_user_, rpc_, &Rpc::DeleteUser,
                       std::move(request));
  }

 private:
  Backend& backend_;
  Stub stub_;
  Rpc& rpc_;
  RpcMethod create_user_{backend_.guard, "CreateUser", Repeat::kWithKey};
  RpcMethod get_user_{backend_.guard, "GetUser", Repeat::kSafe};
  RpcMethod list_users_{backend_.guard, "ListUsers", Repeat::kSafe};
  RpcMethod update_user_{backend_.guard, "UpdateUser", Repeat::kNever};
  RpcMethod delete_user_{backend_.guard, "DeleteUser", Repeat::kNever};
};

}  // namespace

std::unique_ptr<UserBackend> MakeUserBackend(Backend& backend) {
  return std::make_unique<GrpcUserBackend>(backend);
}

}  // namespace scaleout::gateway
