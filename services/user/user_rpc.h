// The gRPC face of UserService: each RPC as one line that hands it to ServiceCalls. The only file
// here that knows the stubs.
#ifndef SCALEOUT_SERVICES_USER_USER_RPC_H_
#define SCALEOUT_SERVICES_USER_USER_RPC_H_

#include <memory>

namespace grpc {
class Service;
}  // namespace grpc

namespace scaleout {
class ServiceCalls;
}  // namespace scaleout

namespace scaleout::user {

class UserService;

inline constexpr const char* kUserServiceName = "scaleout.user.v1.UserService";

// Both must outlive it.
std::unique_ptr<grpc::Service> MakeUserRpc(UserService& service, ServiceCalls& calls);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_USER_RPC_H_
