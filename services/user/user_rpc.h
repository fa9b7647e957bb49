// UserService as a gRPC service: one line for each RPC names the method that serves it.
//
// UnaryRpcs (service/unary_rpcs.h) compares the list with the contract and gives every call to
// ServiceCalls, which runs it on a worker. No other file of this directory includes gRPC.
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

// `service` and `calls` must outlive the result.
std::unique_ptr<grpc::Service> MakeUserRpc(UserService& service, ServiceCalls& calls);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_USER_RPC_H_
