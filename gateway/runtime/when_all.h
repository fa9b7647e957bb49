// Runs tasks at the same time on one loop: each starts, in order, before the first is waited for.
//
//   Task<A> first = ...;
//   Task<B> second = ...;
//   std::tuple<A, B> both = co_await WhenAll(first, second);
//
// The tasks are named locals of the awaiter, which keeps them alive. The first exception, in
// argument order, is rethrown after all have ended. Loop thread only, hence no atomics.
#ifndef SCALEOUT_GATEWAY_RUNTIME_WHEN_ALL_H_
#define SCALEOUT_GATEWAY_RUNTIME_WHEN_ALL_H_

#include <array>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>

#include "gateway/runtime/task.h"

namespace scaleout::gateway {
namespace internal {

struct Latch {
  void CountDown() {
    if (--left == 0 && waiter) waiter.resume();
  }

  std::size_t left;
  std::coroutine_handle<> waiter;
};

template <typename T>
Detached RunInto(Task<T>& task, std::optional<T>& result, std::exception_ptr& exception,
                 Latch& latch) {
  try {
    result.emplace(co_await task);
  } catch (...) {
    exception = std::current_exception();
  }
  latch.CountDown();
}

}  // namespace internal

template <typename... T>
class WhenAll {
 public:
  explicit WhenAll(Task<T>&... tasks) : tasks_(tasks...) {}
  WhenAll(const WhenAll&) = delete;
  WhenAll& operator=(const WhenAll&) = delete;

  bool await_ready() const noexcept { return false; }
  // One more than the tasks, for this function itself: a task that ends at once must not resume the
  // awaiter from here.
  bool await_suspend(std::coroutine_handle<> awaiter) {
    StartAll(std::index_sequence_for<T...>{});
    latch_.waiter = awaiter;
    return --latch_.left != 0;
  }
  std::tuple<T...> await_resume() { return Take(std::index_sequence_for<T...>{}); }

 private:
  template <std::size_t... I>
  void StartAll(std::index_sequence<I...>) {
    (internal::RunInto(std::get<I>(tasks_), std::get<I>(results_), exceptions_[I], latch_), ...);
  }
  template <std::size_t... I>
  std::tuple<T...> Take(std::index_sequence<I...>) {
    for (const std::exception_ptr& exception : exceptions_) {
      if (exception) std::rethrow_exception(exception);
    }
    return std::tuple<T...>(std::move(*std::get<I>(results_))...);
  }

  std::tuple<Task<T>&...> tasks_;
  std::tuple<std::optional<T>...> results_;
  std::array<std::exception_ptr, sizeof...(T)> exceptions_;
  internal::Latch latch_{sizeof...(T) + 1, {}};
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_WHEN_ALL_H_
