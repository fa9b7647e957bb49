// A gRPC service whose RPCs are methods of a class: a list with one line for each RPC, for
// x_rpc.cc.
//
//   return std::make_unique<UnaryRpcs<UserService>>(
//       kUserServiceName, service, calls,
//       UnaryRpcs<UserService>::List{{"GetUser", &UserService::GetUser}, ...});
//
// It registers with gRPC what the generated CallbackService would, but one generic handler takes
// the place of an override for each RPC. Every call goes through ServiceCalls. The constructor
// compares the list with the contract's descriptor and ends the process if they differ: an RPC that
// is missing, one that the contract does not have, another message. So the list cannot be wrong in
// a program that starts. Thread-safe if the class is.
#ifndef SCALEOUT_SERVICE_UNARY_RPCS_H_
#define SCALEOUT_SERVICE_UNARY_RPCS_H_

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/call_context.h"
#include "service/service_calls.h"

namespace scaleout {

// One RPC of a contract, as its descriptor has it.
struct RpcSignature {
  std::string name;
  const google::protobuf::Descriptor* request = nullptr;
  const google::protobuf::Descriptor* response = nullptr;
};

// What `rpcs` lacks, or has beyond the unary RPCs of the service `full_name`, as sentences; empty
// if they agree.
std::vector<std::string> FindContractViolations(const std::string& full_name,
                                                const std::vector<RpcSignature>& rpcs);

// Ends the process with every violation on stderr, if there is one.
void RequireContract(const std::string& full_name, const std::vector<RpcSignature>& rpcs);

// `Implementation` is the class whose methods serve the RPCs.
template <typename Implementation>
class UnaryRpcs final : public grpc::Service {
 public:
  // One line of the list: the RPC's name in the contract and the method that serves it.
  class Rpc {
   public:
    // `calls`: other than those of the service; they must outlive it.
    template <typename Request, typename Response>
    Rpc(const char* name,
        absl::Status (Implementation::*serve)(const CallContext&, const Request&, Response&),
        ServiceCalls* calls = nullptr)
        : signature_{name, Request::descriptor(), Response::descriptor()},
          own_calls_(calls),
          make_handler_([serve](Implementation& service, ServiceCalls& its_calls,
                                ServiceCalls::Method& method) -> grpc::internal::MethodHandler* {
            return new grpc::internal::CallbackUnaryHandler<Request, Response>(
                [&service, &its_calls, &method, serve](grpc::CallbackServerContext* context,
                                                       const Request* request, Response* response) {
                  return its_calls.Start(method, context, *request,
                                         [=, &service](const CallContext& call) {
                                           return (service.*serve)(call, *request, *response);
                                         });
                });
          }) {}

   private:
    friend class UnaryRpcs;
    RpcSignature signature_;
    ServiceCalls* own_calls_;
    std::function<grpc::internal::MethodHandler*(Implementation&, ServiceCalls&,
                                                 ServiceCalls::Method&)>
        make_handler_;
  };
  using List = std::vector<Rpc>;

  // `full_name` is the contract's, such as "scaleout.user.v1.UserService". `service` and `calls`
  // must outlive it.
  UnaryRpcs(const std::string& full_name, Implementation& service, ServiceCalls& calls,
            const List& rpcs) {
    std::vector<RpcSignature> signatures;
    for (const Rpc& rpc : rpcs) signatures.push_back(rpc.signature_);
    RequireContract(full_name, signatures);
    for (const Rpc& rpc : rpcs) {
      const std::string name = full_name + "/" + rpc.signature_.name;
      paths_.push_back("/" + name);
      AddMethod(new grpc::internal::RpcServiceMethod(
          paths_.back().c_str(), grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
      ServiceCalls& its_calls = rpc.own_calls_ == nullptr ? calls : *rpc.own_calls_;
      MarkMethodCallback(static_cast<int>(paths_.size()) - 1,
                         rpc.make_handler_(service, its_calls, its_calls.AddMethod(name)));
    }
  }

 private:
  std::deque<std::string> paths_;  // gRPC keeps pointers to them
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_UNARY_RPCS_H_
