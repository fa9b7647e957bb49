#include "gateway/backends/user_backend.h"

#include "gateway/backends/service_rpcs.h"
#include "scaleout/user/v1/user.grpc.pb.h"

namespace scaleout::gateway {

UserBackend MakeUserBackend(Backend& backend) {
  const ServiceRpcs<user::v1::UserService> rpc(backend);
  using Rpc = decltype(rpc)::AsyncStub;
  return UserBackend{
      .CreateUser = rpc("CreateUser", Repeat::kWithKey, &Rpc::CreateUser),
      .GetUser = rpc("GetUser", Repeat::kSafe, &Rpc::GetUser),
      .ListUsers = rpc("ListUsers", Repeat::kSafe, &Rpc::ListUsers),
      .UpdateUser = rpc("UpdateUser", Repeat::kNever, &Rpc::UpdateUser),
      .DeleteUser = rpc("DeleteUser", Repeat::kNever, &Rpc::DeleteUser),
  };
}

}  // namespace scaleout::gateway
