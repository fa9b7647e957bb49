#include "gateway/cache/cache_flight.h"

#include <utility>

#include "gateway/runtime/early_end.h"

namespace scaleout::gateway {

CacheFlight::CacheFlight(const RequestContext& request, const Principal& principal,
                         MonotonicTime deadline)
    : context(request.loop, request.clock) {
  context.request_id = request.request_id;
  context.traceparent = request.traceparent;
  context.principal = principal;
  context.route = request.route;
  context.deadline = deadline;
}

// A reader that resumes may destroy its waiter, and nothing but it.
void CacheFlight::End(SharedAnswer answer_in) {
  answer.emplace(std::move(answer_in));
  while (!waiters.empty()) {
    FlightWaiter& waiter = *waiters.front();
    waiters.pop_front();
    waiter.waiting_ = false;
    waiter.Resume();
  }
}

FlightWaiter::FlightWaiter(std::shared_ptr<CacheFlight> flight, RequestContext& context)
    : flight_(std::move(flight)), context_(context) {
  route = context.route;
}

bool FlightWaiter::await_ready() {
  if (flight_->answer) return true;
  if (context_.cancellation.cancelled()) {
    early_end_ = ClientGone();
  } else if (context_.Remaining() == Duration::zero()) {
    early_end_ = DeadlinePassed();
  } else {
    return false;
  }
  if (!flight_->has_waiters() && !flight_->refresh) flight_->abandon();
  return true;
}

void FlightWaiter::await_suspend(std::coroutine_handle<> awaiter) {
  awaiter_ = awaiter;
  waiting_ = true;
  place_ = flight_->waiters.insert(flight_->waiters.end(), this);
  context_.loop.After(context_.Remaining(), *this);
  context_.cancellation.Add(*this);
}

SharedAnswer FlightWaiter::await_resume() {
  if (!early_end_.ok()) return std::move(early_end_);
  return *flight_->answer;
}

// The deadline, or the resumption after OnCancel.
void FlightWaiter::Run() {
  if (early_end_.ok()) {
    early_end_ = DeadlinePassed();
    Leave();
  }
  Resume();
}

// Not resumed from here: the code that cancels may touch what the coroutine would destroy.
void FlightWaiter::OnCancel() {
  if (!waiting_) return;
  early_end_ = ClientGone();
  Leave();
  context_.loop.Cancel(*this);
  context_.loop.Post(*this);
}

void FlightWaiter::Leave() {
  waiting_ = false;
  flight_->waiters.erase(place_);
  if (!flight_->has_waiters() && !flight_->refresh) flight_->abandon();
}

void FlightWaiter::Resume() {
  context_.loop.Cancel(*this);
  if (context_.route != nullptr) context_.loop.EnterRoute(*context_.route);
  awaiter_.resume();
}

}  // namespace scaleout::gateway
