#include "gateway/backends/user_backend.h"

#include "gateway/backends/service_rpcs.h"
#include "scaleout/user/v1/user.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using namespace user::v1;

struct UserReads {
  static std::optional<ReadKey> FindKey(const GetUserRequest& request) {
    return FindItemKey(request.user_id());
  }
  static GetUserRequest RequestOf(const ReadKey& key) {
    GetUserRequest request;
    request.set_user_id(key.id);
    return request;
  }
  static void AddKey(const ReadKey& key, BatchGetUsersRequest& batch) {
    batch.add_keys()->set_user_id(key.id);
  }
  static bool TakeAnswer(BatchGetUsersResponse::Entry& entry, GetUserResponse& answer) {
    if (!entry.has_user()) return false;
    answer.set_allocated_user(entry.release_user());
    return true;
  }
};

}  // namespace

UserBackend MakeUserBackend(Backend& backend, const CoalescingParts* coalescing) {
  const ServiceRpcs<user::v1::UserService> rpc(backend, coalescing);
  using Rpc = decltype(rpc)::Stub;
  return UserBackend{
      .CreateUser = rpc("CreateUser", Repeat::kWithKey, &Rpc::PrepareAsyncCreateUser),
      .GetUser = rpc.Read<UserReads>("GetUser", &Rpc::PrepareAsyncGetUser, "BatchGetUsers",
                                     &Rpc::PrepareAsyncBatchGetUsers),
      .ListUsers = rpc("ListUsers", Repeat::kSafe, &Rpc::PrepareAsyncListUsers),
      .UpdateUser = rpc("UpdateUser", Repeat::kNever, &Rpc::PrepareAsyncUpdateUser),
      .DeleteUser = rpc("DeleteUser", Repeat::kNever, &Rpc::PrepareAsyncDeleteUser),
  };
}

}  // namespace scaleout::gateway
