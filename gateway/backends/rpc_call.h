// One attempt of one unary RPC, as an awaitable on gRPC's asynchronous API.
//
// Awaiting it starts the call with the given deadline and the request's id and trace, and resumes
// on the context's loop: a completion thread (completion_threads.h) only posts a job. The client's
// disconnect cancels the call, which then ends soon with CANCELLED. It says what gRPC says;
// guarded_call.h is what handlers' verbs use.
//
// gRPC does not always end a call in time: to one whose bytes wait for a connection that takes none
// (a peer that is stopped and has its socket full) it reports neither deadline nor cancellation
// until the connection goes on or breaks. So kEndGrace after either the call is abandoned: the
// awaiter resumes with DEADLINE_EXCEEDED or CANCELLED, and what gRPC still needs (PendingRpc) stays
// until gRPC has finished, with the call's place in a bulkhead, which so bounds how many there are.
//
// Lifetime: the call's owner is suspended until the call has ended or is abandoned, so the loop
// must run until every request has ended. A completion thread may still be inside Post by then, and
// gRPC may have abandoned calls to finish: CallbackCount::Wait, called between the end of the loops
// and their destruction, closes that gap.
#ifndef SCALEOUT_GATEWAY_BACKENDS_RPC_CALL_H_
#define SCALEOUT_GATEWAY_BACKENDS_RPC_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <utility>

#include "common/clock.h"
#include "gateway/resilience/bulkhead.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/request_context.h"

namespace scaleout::gateway {

// How late gRPC may be with the end of a call.
inline constexpr Duration kEndGrace = std::chrono::milliseconds(100);

// How many calls of PendingRpc::OnDone are still to come or under way. Thread-safe; outlives the
// RPCs.
class CallbackCount {
 public:
  void Enter() { pending_.fetch_add(1, std::memory_order_relaxed); }
  // The last thing that a callback does.
  void Leave() { pending_.fetch_sub(1, std::memory_order_release); }
  // Blocks until there is none; for a shutdown, after the loops have stopped.
  void Wait() const;
  // The same for about so long. False if there are some still.
  bool WaitAtMost(std::chrono::milliseconds time) const;

 private:
  std::atomic<std::int64_t> pending_{0};
};

class RpcCall;

// What gRPC needs of a call until it has reported its end. The RpcCall owns it, but if that is
// abandoned it owns itself.
class PendingRpc : private Job {
 public:
  PendingRpc(RpcCall& call, RequestContext& context, CallbackCount& callbacks,
             std::shared_ptr<const BulkheadPermit> place)
      : call_(call),
        loop_(context.loop),
        clock_(context.clock),
        callbacks_(callbacks),
        place_(std::move(place)) {
    route = context.route;
  }
  PendingRpc(const PendingRpc&) = delete;
  PendingRpc& operator=(const PendingRpc&) = delete;
  virtual ~PendingRpc() = default;

  // Before gRPC is asked.
  void Begin();
  // gRPC has set `status`. On a completion thread, once.
  void OnDone();
  // On the loop. False if gRPC has reported the end already. Otherwise it must not be touched any
  // more.
  bool Abandon();

  grpc::ClientContext client;
  grpc::Status status;
  MonotonicTime ended;

 private:
  enum class Phase { kNew, kBegun, kDone, kAbandoned };

  void Run() override;

  RpcCall& call_;
  Executor& loop_;
  const Clock& clock_;
  CallbackCount& callbacks_;
  const std::shared_ptr<const BulkheadPermit> place_;
  // Also hands what was written before gRPC was asked to the completion thread; gRPC does the same,
  // but not where a race detector can see it.
  std::atomic<Phase> phase_{Phase::kNew};
};

class RpcCall : private TimerJob, private CancelListener {
 public:
  RpcCall(RequestContext& context, MonotonicTime deadline, CallbackCount& callbacks)
      : context_(context), deadline_(deadline), callbacks_(callbacks) {
    route = context.route;
  }
  RpcCall(const RpcCall&) = delete;
  RpcCall& operator=(const RpcCall&) = delete;

  bool await_ready();
  void await_suspend(std::coroutine_handle<> awaiter);
  grpc::Status await_resume();
  // False if the client was gone or no time was left, so that gRPC was not asked.
  bool sent() const { return sent_; }
  // When gRPC had the outcome; a busy loop may resume the caller much later.
  MonotonicTime ended() const { return ended_; }

 protected:
  ~RpcCall() = default;

 private:
  friend class PendingRpc;

  virtual PendingRpc& pending() = 0;
  // After this `pending()` is not the call's any more.
  virtual void Release() = 0;
  virtual void Start() = 0;

  void OnDone();
  // The time of the grace is over.
  void Run() override;
  void OnCancel() override;

  RequestContext& context_;
  const MonotonicTime deadline_;
  CallbackCount& callbacks_;
  grpc::Status status_;
  MonotonicTime ended_;
  bool sent_ = false;
  bool over_ = false;
  std::coroutine_handle<> awaiter_;
};

// A method of a generated stub, such as PrepareAsyncGetUser.
template <typename Stub, typename Request, typename Response>
using UnaryRpc = std::unique_ptr<grpc::ClientAsyncResponseReaderInterface<Response>> (Stub::*)(
    grpc::ClientContext*, const Request&, grpc::CompletionQueue*);

// `request` outlives the awaiting: gRPC serializes it when the call starts. `place` is released
// when gRPC has finished with the call.
template <typename Stub, typename Request, typename Response>
class UnaryCall final : public RpcCall {
 public:
  UnaryCall(RequestContext& context, MonotonicTime deadline, CallbackCount& callbacks,
            grpc::CompletionQueue& queue, Stub& stub, UnaryRpc<Stub, Request, Response> rpc,
            const Request& request, std::shared_ptr<const BulkheadPermit> place = nullptr)
      : RpcCall(context, deadline, callbacks),
        queue_(queue),
        stub_(stub),
        rpc_(rpc),
        request_(request),
        pending_(std::make_unique<Pending>(*this, context, callbacks, std::move(place))) {}

  // After a status that is OK.
  Response& response() { return pending_->response; }

 private:
  struct Pending final : PendingRpc {
    using PendingRpc::PendingRpc;
    Response response{};
    // In gRPC's memory of the call, which `client` holds.
    std::unique_ptr<grpc::ClientAsyncResponseReaderInterface<Response>> reader;
  };

  PendingRpc& pending() override { return *pending_; }
  void Release() override { (void)pending_.release(); }
  // Once Finish is called, the completion thread may be done with all of this.
  void Start() override {
    Pending& call = *pending_;
    call.reader = (stub_.*rpc_)(&call.client, request_, &queue_);
    call.reader->StartCall();
    call.reader->Finish(&call.response, &call.status, static_cast<PendingRpc*>(&call));
  }

  grpc::CompletionQueue& queue_;
  Stub& stub_;
  const UnaryRpc<Stub, Request, Response> rpc_;
  const Request& request_;
  std::unique_ptr<Pending> pending_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_RPC_CALL_H_
