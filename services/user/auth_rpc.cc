#include "services/user/auth_rpc.h"

#include "service/unary_rpcs.h"
#include "services/user/auth_service.h"

namespace scaleout::user {

std::unique_ptr<grpc::Service> MakeAuthRpc(AuthService& service, ServiceCalls& calls,
                                           ServiceCalls& logins) {
  using Rpcs = UnaryRpcs<AuthService>;
  return std::make_unique<Rpcs>(kAuthServiceName, service, calls,
                                Rpcs::List{
                                    {"Register", &AuthService::Register, &logins},
                                    {"Login", &AuthService::Login, &logins},
                                    {"Refresh", &AuthService::Refresh},
                                    {"Logout", &AuthService::Logout},
                                    {"CheckSessions", &AuthService::CheckSessions},
                                    {"ListRevocations", &AuthService::ListRevocations},
                                });
}

}  // namespace scaleout::user
