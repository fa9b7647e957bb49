#include "services/user/user_rpc.h"

#include "service/unary_rpcs.h"
#include "services/user/user_service.h"

namespace scaleout::user {

std::unique_ptr<grpc::Service> MakeUserRpc(UserService& service, ServiceCalls& calls) {
  using Rpcs = UnaryRpcs<UserService>;
  return std::make_unique<Rpcs>(kUserServiceName, service, calls,
                                Rpcs::List{
                                    {"CreateUser", &UserService::CreateUser},
                                    {"GetUser", &UserService::GetUser},
                                    {"BatchGetUsers", &UserService::BatchGetUsers},
                                    {"ListUsers", &UserService::ListUsers},
                                    {"UpdateUser", &UserService::UpdateUser},
                                    {"DeleteUser", &UserService::DeleteUser},
                                });
}

}  // namespace scaleout::user
