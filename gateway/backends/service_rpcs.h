// The RPCs of one gRPC service as verbs over the guarded call, for the .cc of a typed backend: one
// line each.
//
//   const ServiceRpcs<user::v1::UserService> rpc(backend);
//   return UserBackend{.GetUser = rpc("GetUser", Repeat::kSafe, &Rpc::GetUser)};
//
// What a verb needs is allocated when it is made; a call of it looks nothing up. The verbs share
// the stub and do not outlive the backend.
#ifndef SCALEOUT_GATEWAY_BACKENDS_SERVICE_RPCS_H_
#define SCALEOUT_GATEWAY_BACKENDS_SERVICE_RPCS_H_

#include <memory>
#include <string_view>
#include <utility>

#include "gateway/backends/backend.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/guarded_call.h"
#include "gateway/backends/verb.h"

namespace scaleout::gateway {

template <typename Service>
class ServiceRpcs {
 public:
  using AsyncStub = typename Service::StubInterface::async_interface;

  explicit ServiceRpcs(Backend& backend)
      : backend_(backend),
        stub_(std::make_shared<typename Service::Stub>(backend.channel->channel())) {}

  // `name` is a literal.
  template <typename Request, typename Response>
  Verb<Request, Response> operator()(std::string_view name, Repeat repeat,
                                     UnaryRpc<AsyncStub, Request, Response> rpc) const {
    AsyncStub& async_stub = *stub_->async();
    return [stub = stub_, &async_stub, &channel = *backend_.channel,
            method = std::make_shared<RpcMethod>(backend_.guard, name, repeat),
            rpc](RequestContext& context, Request&& request) {
      return GuardedCall(context, channel, *method, async_stub, rpc, std::move(request));
    };
  }

 private:
  Backend& backend_;
  const std::shared_ptr<typename Service::Stub> stub_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_SERVICE_RPCS_H_
