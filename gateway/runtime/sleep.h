// A pause of a coroutine: resumes on its loop when the time is over, or soon after the client has
// gone.
//
//   Sleep pause(context, duration);
//   co_await pause;
//
// The awaiter looks at context.cancellation itself if the difference matters to it. The request's
// deadline does not end a pause: a caller that has one pauses no longer than what remains. The
// object is a local of the coroutine, awaited once, and allocates nothing. Loop thread only.
#ifndef SCALEOUT_GATEWAY_RUNTIME_SLEEP_H_
#define SCALEOUT_GATEWAY_RUNTIME_SLEEP_H_

#include <coroutine>

#include "common/clock.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/request_context.h"

namespace scaleout::gateway {

class Sleep final : private TimerJob, private CancelListener {
 public:
  // To the loop's tick (10 ms), or to about 0.1 ms.
  enum class Precision { kTick, kFine };

  // Never shorter. A duration of zero or less is no pause.
  Sleep(RequestContext& context, Duration duration, Precision precision = Precision::kTick)
      : context_(context), duration_(duration), precision_(precision) {
    route = context.route;
  }

  bool await_ready() const noexcept {
    return duration_ <= Duration::zero() || context_.cancellation.cancelled();
  }
  void await_suspend(std::coroutine_handle<> awaiter) {
    awaiter_ = awaiter;
    if (precision_ == Precision::kFine) {
      context_.loop.AfterFine(duration_, *this);
    } else {
      context_.loop.After(duration_, *this);
    }
    context_.cancellation.Add(*this);
  }
  void await_resume() noexcept { awaiter_ = {}; }

 private:
  void Run() override { awaiter_.resume(); }
  // Not resumed from here: the code that cancels is not done, and may touch what the coroutine
  // would destroy. A pause that is over listens still, until its scope ends.
  void OnCancel() override {
    if (!awaiter_) return;
    context_.loop.Cancel(*this);
    context_.loop.Post(*this);
  }

  RequestContext& context_;
  const Duration duration_;
  const Precision precision_;
  std::coroutine_handle<> awaiter_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_SLEEP_H_
