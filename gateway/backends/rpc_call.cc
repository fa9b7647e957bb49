#include "gateway/backends/rpc_call.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace scaleout::gateway {
namespace {

// gRPC aborts the process over metadata that is not printable ASCII.
void AddMetadata(grpc::ClientContext& client, const char* key, const std::string& value) {
  const bool printable =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (!value.empty() && printable) client.AddMetadata(key, value);
}

}  // namespace

void CallbackCount::Wait() const {
  // Polled, because a notification would touch the count after the last callback has left it.
  while (pending_.load(std::memory_order_acquire) != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

bool RpcCall::await_ready() {
  ended_ = context_.clock.Now();
  if (context_.cancellation.cancelled()) {
    status_ = grpc::Status(grpc::StatusCode::CANCELLED, "The client is gone");
    return true;
  }
  if (deadline_ <= ended_) {
    status_ = grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "No time was left for the call");
    return true;
  }
  return false;
}

void RpcCall::await_suspend(std::coroutine_handle<> awaiter) {
  awaiter_ = awaiter;
  // On gRPC's monotonic clock, so that setting the machine's time ends no calls.
  const Duration left = deadline_ - context_.clock.Now();
  client_.set_deadline(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(left.count(), GPR_TIMESPAN)));
  AddMetadata(client_, "x-request-id", context_.request_id);
  AddMetadata(client_, "traceparent", context_.traceparent);
  context_.cancellation.Add(*this);
  callbacks_.Enter();
  started_.store(true, std::memory_order_release);
  Start(client_, [this](grpc::Status status) { OnDone(std::move(status)); });
}

grpc::Status RpcCall::await_resume() { return std::move(status_); }

// On gRPC's thread. After Post the frame that this lives in may be gone.
void RpcCall::OnDone(grpc::Status status) {
  (void)started_.load(std::memory_order_acquire);
  status_ = std::move(status);
  ended_ = context_.clock.Now();
  CallbackCount& callbacks = callbacks_;
  context_.loop.Post(*this);
  callbacks.Leave();
}

void RpcCall::Run() { awaiter_.resume(); }

void RpcCall::OnCancel() { client_.TryCancel(); }

}  // namespace scaleout::gateway
