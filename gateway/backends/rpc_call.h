// One attempt of one unary RPC, as an awaitable on gRPC's callback API.
//
// Awaiting it starts the call with the given deadline and the request's id and trace, and resumes
// on the context's loop: gRPC's thread only posts the job that this is. The client's disconnect
// cancels the call, which then ends soon with CANCELLED. It says what gRPC says; guarded_call.h is
// what handlers' verbs use.
//
// Lifetime: the call's owner is suspended until the job has run, so the loop must run until every
// request has ended. gRPC's thread may still be inside Post by then: CallbackCount::Wait, called
// between the end of the loops and their destruction, closes that gap.
#ifndef SCALEOUT_GATEWAY_BACKENDS_RPC_CALL_H_
#define SCALEOUT_GATEWAY_BACKENDS_RPC_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>

#include "common/clock.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/request_context.h"

namespace scaleout::gateway {

// How many of gRPC's callbacks are still to come or under way. Thread-safe; outlives the calls.
class CallbackCount {
 public:
  void Enter() { pending_.fetch_add(1, std::memory_order_relaxed); }
  // The last thing that a callback does.
  void Leave() { pending_.fetch_sub(1, std::memory_order_release); }
  // Blocks until there is none; for a shutdown, after the loops have stopped.
  void Wait() const;

 private:
  std::atomic<std::int64_t> pending_{0};
};

class RpcCall : private Job, private CancelListener {
 public:
  RpcCall(RequestContext& context, MonotonicTime deadline, CallbackCount& callbacks)
      : context_(context), deadline_(deadline), callbacks_(callbacks) {
    route = context.route;
  }

  bool await_ready();
  void await_suspend(std::coroutine_handle<> awaiter);
  grpc::Status await_resume();
  // False if the client was gone or no time was left, so that gRPC was not asked.
  bool sent() const { return started_.load(std::memory_order_relaxed); }
  // When gRPC had the outcome; a busy loop may resume the caller much later.
  MonotonicTime ended() const { return ended_; }

 protected:
  ~RpcCall() = default;

 private:
  virtual void Start(grpc::ClientContext& client, std::function<void(grpc::Status)> done) = 0;

  void OnDone(grpc::Status status);
  void Run() override;
  void OnCancel() override;

  RequestContext& context_;
  const MonotonicTime deadline_;
  CallbackCount& callbacks_;
  grpc::ClientContext client_;
  grpc::Status status_;
  MonotonicTime ended_;
  // Hands what Start has written to gRPC's thread; gRPC does the same, but not where a race
  // detector can see it.
  std::atomic<bool> started_{false};
  std::coroutine_handle<> awaiter_;
};

// A method of a generated stub's async interface.
template <typename AsyncStub, typename Request, typename Response>
using UnaryRpc = void (AsyncStub::*)(grpc::ClientContext*, const Request*, Response*,
                                     std::function<void(grpc::Status)>);

// `request` outlives the call.
template <typename AsyncStub, typename Request, typename Response>
class UnaryCall final : public RpcCall {
 public:
  UnaryCall(RequestContext& context, MonotonicTime deadline, CallbackCount& callbacks,
            AsyncStub& stub, UnaryRpc<AsyncStub, Request, Response> rpc, const Request& request)
      : RpcCall(context, deadline, callbacks), stub_(stub), rpc_(rpc), request_(request) {}

  Response response;

 private:
  void Start(grpc::ClientContext& client, std::function<void(grpc::Status)> done) override {
    (stub_.*rpc_)(&client, &request_, &response, std::move(done));
  }

  AsyncStub& stub_;
  const UnaryRpc<AsyncStub, Request, Response> rpc_;
  const Request& request_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_RPC_CALL_H_
