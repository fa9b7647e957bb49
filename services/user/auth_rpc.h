// AuthService as a gRPC service (as user_rpc.h). Register and Login, which wait for a password's
// hash, run on workers of their own, so that they leave those of the reads alone.
#ifndef SCALEOUT_SERVICES_USER_AUTH_RPC_H_
#define SCALEOUT_SERVICES_USER_AUTH_RPC_H_

#include <memory>

namespace grpc {
class Service;
}  // namespace grpc

namespace scaleout {
class ServiceCalls;
}  // namespace scaleout

namespace scaleout::user {

class AuthService;

inline constexpr const char* kAuthServiceName = "scaleout.user.v1.AuthService";

// All must outlive the result. `logins` are the calls of Register and Login.
std::unique_ptr<grpc::Service> MakeAuthRpc(AuthService& service, ServiceCalls& calls,
                                           ServiceCalls& logins);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_AUTH_RPC_H_
