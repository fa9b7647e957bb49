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

bool CallbackCount::WaitAtMost(std::chrono::milliseconds time) const {
  constexpr std::chrono::milliseconds kPoll{1};
  for (; pending_.load(std::memory_order_acquire) != 0; time -= kPoll) {
    if (time <= std::chrono::milliseconds::zero()) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

void PendingRpc::Begin() {
  callbacks_.Enter();
  phase_.store(Phase::kBegun, std::memory_order_release);
}

// After Post the call may have been destroyed, and this with it.
void PendingRpc::OnDone() {
  (void)phase_.load(std::memory_order_acquire);
  ended = clock_.Now();
  CallbackCount& callbacks = callbacks_;
  if (phase_.exchange(Phase::kDone, std::memory_order_acq_rel) == Phase::kAbandoned) {
    delete this;
  } else {
    loop_.Post(*this);
  }
  callbacks.Leave();
}

bool PendingRpc::Abandon() {
  Phase begun = Phase::kBegun;
  return phase_.compare_exchange_strong(begun, Phase::kAbandoned, std::memory_order_acq_rel);
}

void PendingRpc::Run() { call_.OnDone(); }

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
  PendingRpc& call = pending();
  // On gRPC's monotonic clock, so that setting the machine's time ends no calls.
  const Duration left = deadline_ - context_.clock.Now();
  call.client.set_deadline(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(left.count(), GPR_TIMESPAN)));
  AddMetadata(call.client, "x-request-id", context_.request_id);
  AddMetadata(call.client, "traceparent", context_.traceparent);
  context_.cancellation.Add(*this);
  context_.loop.After(left + kEndGrace, *this);
  sent_ = true;
  call.Begin();
  Start();
}

grpc::Status RpcCall::await_resume() { return std::move(status_); }

void RpcCall::OnDone() {
  context_.loop.Cancel(*this);
  over_ = true;
  status_ = std::move(pending().status);
  ended_ = pending().ended;
  awaiter_.resume();
}

void RpcCall::Run() {
  if (!pending().Abandon()) return;
  Release();
  over_ = true;
  status_ = context_.cancellation.cancelled()
                ? grpc::Status(grpc::StatusCode::CANCELLED, "The client is gone")
                : grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "gRPC has not ended the call");
  ended_ = context_.clock.Now();
  awaiter_.resume();
}

void RpcCall::OnCancel() {
  if (over_) return;
  pending().client.TryCancel();
  context_.loop.After(kEndGrace, *this);
}

}  // namespace scaleout::gateway
