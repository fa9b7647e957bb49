// The RPCs of one gRPC service as verbs over the guarded call, for the .cc of a typed backend: one
// line each.
//
//   const ServiceRpcs<user::v1::UserService> rpc(backend, coalescing);
//   return UserBackend{.ListUsers = rpc("ListUsers", Repeat::kSafe, &Rpc::ListUsers)};
//
// With `coalescing` the verbs that Read() makes are coalesced (coalesced_verb.h), without they are
// plain.
//
// A request that names on whose behalf it is made gets its context's principal here; the calls of a
// coalescer have those of their keys.
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
#include "gateway/backends/coalesced_verb.h"
#include "gateway/backends/guarded_call.h"
#include "gateway/backends/request_principal.h"
#include "gateway/backends/verb.h"

namespace scaleout::gateway {

template <typename Service>
class ServiceRpcs {
 public:
  using Stub = typename Service::StubInterface;

  explicit ServiceRpcs(Backend& backend, const CoalescingParts* coalescing = nullptr)
      : backend_(backend),
        coalescing_(coalescing),
        stub_(std::make_shared<typename Service::Stub>(backend.channel->channel())) {}

  // `name` is a literal.
  template <typename Request, typename Response>
  Verb<Request, Response> operator()(std::string_view name, Repeat repeat,
                                     UnaryRpc<Stub, Request, Response> rpc) const {
    return Bind<PrincipalFrom::kContext>(std::make_shared<RpcMethod>(backend_.guard, name, repeat),
                                         rpc);
  }

  // As that, with another guard than the backend's.
  template <typename Request, typename Response>
  Verb<Request, Response> GuardedBy(BackendGuard& guard, std::string_view name, Repeat repeat,
                                    UnaryRpc<Stub, Request, Response> rpc) const {
    return Bind<PrincipalFrom::kContext>(std::make_shared<RpcMethod>(guard, name, repeat), rpc);
  }

  // A read that may travel in a batch; `Reads` says how (coalesced_verb.h).
  template <typename Reads, typename Request, typename Response, typename BatchRequest,
            typename BatchResponse>
  Verb<Request, Response> Read(std::string_view name, UnaryRpc<Stub, Request, Response> rpc,
                               std::string_view batch_name,
                               UnaryRpc<Stub, BatchRequest, BatchResponse> batch_rpc) const {
    Verb<Request, Response> plain = (*this)(name, Repeat::kSafe, rpc);
    if (coalescing_ == nullptr) return plain;
    auto reads = std::make_shared<RpcMethod>(backend_.guard, name, Repeat::kSafe, Timed::kReads);
    return Coalesce<Reads>(*coalescing_, backend_, reads,
                           CoalescedVerbs<Request, Response, BatchRequest, BatchResponse>{
                               .plain = std::move(plain),
                               .one = Bind<PrincipalFrom::kRequest>(reads, rpc),
                               .batch = (*this)(batch_name, Repeat::kSafe, batch_rpc)});
  }

  // A read that has no RPC of its own: one alone travels as a batch of one. `name` is that of the
  // reads in metrics.
  template <typename Reads, typename Request, typename Response, typename BatchRequest,
            typename BatchResponse>
  Verb<Request, Response> ReadInBatches(
      std::string_view name, std::string_view batch_name,
      UnaryRpc<Stub, BatchRequest, BatchResponse> batch_rpc) const {
    Verb<BatchRequest, BatchResponse> batch = (*this)(batch_name, Repeat::kSafe, batch_rpc);
    Verb<Request, Response> plain = AskAlone<Reads, Request, Response>(batch);
    if (coalescing_ == nullptr) return plain;
    auto reads = std::make_shared<RpcMethod>(backend_.guard, name, Repeat::kSafe, Timed::kReads);
    Verb<BatchRequest, BatchResponse> one = Bind<PrincipalFrom::kRequest>(reads, batch_rpc);
    return Coalesce<Reads>(*coalescing_, backend_, reads,
                           CoalescedVerbs<Request, Response, BatchRequest, BatchResponse>{
                               .plain = std::move(plain),
                               .one = AskAlone<Reads, Request, Response>(std::move(one)),
                               .batch = std::move(batch)});
  }

 private:
  template <typename Reads, typename Request, typename Response, typename BatchRequest,
            typename BatchResponse>
  Verb<Request, Response> AskAlone(Verb<BatchRequest, BatchResponse> batch) const {
    return [&guard = backend_.guard, batch = std::move(batch)](RequestContext& context,
                                                               Request&& request) {
      BatchRequest ask;
      *ask.add_keys() = std::move(request);
      return TakeOnlyAnswer<Reads, Response>(batch(context, std::move(ask)), guard);
    };
  }

  enum class PrincipalFrom { kContext, kRequest };

  template <PrincipalFrom kFrom, typename Request, typename Response>
  Verb<Request, Response> Bind(std::shared_ptr<RpcMethod> method,
                               UnaryRpc<Stub, Request, Response> rpc) const {
    return [stub = stub_, &channel = *backend_.channel, method = std::move(method), rpc](
               RequestContext& context, Request&& request) {
      if constexpr (kFrom == PrincipalFrom::kContext) SetPrincipal(context.principal, request);
      return GuardedCall(context, channel, *method, *stub, rpc, std::move(request));
    };
  }

  Backend& backend_;
  const CoalescingParts* const coalescing_;
  const std::shared_ptr<Stub> stub_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_SERVICE_RPCS_H_
