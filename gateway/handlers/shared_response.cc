#include "gateway/handlers/shared_response.h"

#include <coroutine>
#include <exception>
#include <utility>

#include "gateway/runtime/executor.h"

namespace scaleout::gateway {

// Lives in the frame of Get until the flight has landed.
class SharedResponse::Waiter final : public Job {
 public:
  Waiter(Flight& flight, RequestContext& context) : flight_(flight) { route = context.route; }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    awaiter_ = awaiter;
    flight_.waiters.push_back(this);
  }
  absl::StatusOr<Response> await_resume() { return std::move(result); }
  void Run() override { awaiter_.resume(); }

  absl::StatusOr<Response> result;

 private:
  Flight& flight_;
  std::coroutine_handle<> awaiter_;
};

SharedResponse::SharedResponse(std::size_t loops, Duration time_limit, Make make)
    : time_limit_(time_limit), make_(std::move(make)), flights_(loops) {}

Task<absl::StatusOr<Response>> SharedResponse::Get(RequestContext& context) {
  std::optional<Response> made = Find(context.clock.Now());
  if (made) co_return *std::move(made);
  Flight& flight = flights_[context.loop.index()];
  if (flight.in_progress) {
    Waiter waiter(flight, context);
    absl::StatusOr<Response> result = co_await waiter;
    co_return result;
  }
  Task<absl::StatusOr<Response>> flying = Fly(context, flight);
  absl::StatusOr<Response> result = co_await flying;
  co_return result;
}

std::optional<Response> SharedResponse::Find(MonotonicTime now) const {
  const std::lock_guard lock(mutex_);
  if (!response_ || now - made_at_ >= kMaxSharedAge) return std::nullopt;
  return response_;
}

Task<absl::StatusOr<Response>> SharedResponse::Fly(RequestContext& context, Flight& flight) {
  RequestContext own(context.loop, context.clock);
  own.request_id = context.request_id;
  own.traceparent = context.traceparent;
  own.route = context.route;
  const MonotonicTime start = context.clock.Now();
  own.deadline = start + time_limit_;

  flight.in_progress = true;
  absl::StatusOr<Response> result = absl::InternalError("the shared response was not made");
  std::exception_ptr exception;
  try {
    Task<Response> making = make_(own);
    Response made = co_await making;
    result = std::move(made);
  } catch (...) {
    exception = std::current_exception();
  }
  flight.in_progress = false;
  if (result.ok()) {
    const std::lock_guard lock(mutex_);
    response_ = *result;
    made_at_ = start;
  }
  for (Waiter* const waiter : std::exchange(flight.waiters, {})) {
    waiter->result = result;
    context.loop.Post(*waiter);
  }
  if (exception) std::rethrow_exception(exception);
  co_return result;
}

}  // namespace scaleout::gateway
