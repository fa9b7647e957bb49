// The way from a thread that may wait to work that only a loop can do, such as a guarded call.
//
//   LoopCaller caller(loops.at(0), clock);
//   absl::StatusOr<Page> page = caller.Call<Page>(2s, [&](RequestContext& context) {
//     return ListPage(context, token);
//   });
//
// The work runs on the loop with a context of its own, whose deadline is the call's limit. A loop
// that does not get to it is not waited for: the caller gets DEADLINE_EXCEEDED at the latest
// kLoopCallGrace after the limit, and the work, when it runs, is over at once. Whatever the work
// refers to outlives the loop's end. Thread-safe.
#ifndef SCALEOUT_GATEWAY_RUNTIME_LOOP_CALLER_H_
#define SCALEOUT_GATEWAY_RUNTIME_LOOP_CALLER_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "gateway/runtime/early_end.h"
#include "gateway/runtime/executor.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

inline constexpr std::chrono::milliseconds kLoopCallGrace{250};

class LoopCaller {
 public:
  // The references outlive the caller.
  LoopCaller(Executor& loop, const Clock& clock)
      : loop_(loop), clock_(clock), state_(std::make_shared<State>()) {}
  LoopCaller(const LoopCaller&) = delete;
  LoopCaller& operator=(const LoopCaller&) = delete;

  template <typename T>
  using Work = std::function<Task<absl::StatusOr<T>>(RequestContext& context)>;

  // Waits for the work's answer. Not from a loop. UNAVAILABLE after Stop().
  template <typename T>
  absl::StatusOr<T> Call(Duration limit, Work<T> work) {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->stopped) return ShuttingDown();
      ++state_->under_way;
    }
    const auto call = std::make_shared<OneCall<T>>(loop_, clock_, limit, std::move(work), state_);
    call->Begin(call);
    return call->WaitFor(limit + kLoopCallGrace);
  }

  // Refuses further calls.
  void Stop() {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
  }
  // Whether the loop has nothing of it under way. The loop must not end before that.
  bool idle() const {
    const std::lock_guard lock(state_->mutex);
    return state_->under_way == 0;
  }

 private:
  struct State {
    std::mutex mutex;  // over what follows
    bool stopped = false;
    int under_way = 0;
  };

  // Owned by its caller and by the loop, whichever takes longer.
  template <typename T>
  class OneCall final : private Job {
   public:
    OneCall(Executor& loop, const Clock& clock, Duration limit, Work<T> work,
            std::shared_ptr<State> state)
        : context_(loop, clock), work_(std::move(work)), state_(std::move(state)) {
      context_.deadline = clock.Now() + limit;
    }

    void Begin(std::shared_ptr<OneCall> self) {
      self_ = std::move(self);
      context_.loop.Post(*this);
    }

    absl::StatusOr<T> WaitFor(Duration at_most) {
      std::unique_lock lock(mutex_);
      if (!ended_.wait_for(lock, at_most, [this] { return answer_.has_value(); })) {
        return DeadlinePassed();
      }
      return *std::move(answer_);
    }

   private:
    void Run() override { Start(Drive(std::move(self_))); }

    static Task<void> Drive(std::shared_ptr<OneCall> self) {
      Task<absl::StatusOr<T>> working = self->work_(self->context_);
      absl::StatusOr<T> answer = co_await working;
      self->End(std::move(answer));
    }

    void End(absl::StatusOr<T> answer) {
      {
        const std::lock_guard lock(mutex_);
        answer_ = std::move(answer);
      }
      ended_.notify_one();
      const std::lock_guard lock(state_->mutex);
      --state_->under_way;
    }

    RequestContext context_;
    const Work<T> work_;
    const std::shared_ptr<State> state_;
    std::shared_ptr<OneCall> self_;  // until the loop has begun

    std::mutex mutex_;  // over what follows
    std::condition_variable ended_;
    std::optional<absl::StatusOr<T>> answer_;
  };

  Executor& loop_;
  const Clock& clock_;
  const std::shared_ptr<State> state_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_LOOP_CALLER_H_
