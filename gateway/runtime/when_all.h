// Runs tasks at the same time on one loop: each starts, in order, before the first is waited for.
//
//   Task<A> first = ...;                        std::vector<Task<A>> tasks = ...;
//   Task<B> second = ...;                       WhenEach each(tasks);
//   WhenAll all(first, second);                 std::vector<A> results = co_await each;
//   std::tuple<A, B> both = co_await all;
//
// WhenAll is for a few tasks of different types, WhenEach for a number of them that is known at run
// time; of no task at all it resumes at once. The tasks are named locals of the awaiter, which
// keeps them alive. The results are in the tasks' order; the first exception, in the same order, is
// rethrown after all have ended. A task that fails does not end the others: the awaiter cancels
// them itself where it does not need them any more (PartContext). The awaitable is a local of the
// awaiter and awaited once. Loop thread only, hence no atomics. (Idea: cppcoro's when_all.)
#ifndef SCALEOUT_GATEWAY_RUNTIME_WHEN_ALL_H_
#define SCALEOUT_GATEWAY_RUNTIME_WHEN_ALL_H_

#include <array>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "gateway/runtime/task.h"

namespace scaleout::gateway {
namespace internal {

// Counts the tasks that have not ended, and resumes the awaiter after the last of them.
struct Latch {
  void CountDown() {
    if (--left == 0 && waiter) waiter.resume();
  }

  std::size_t left;
  std::coroutine_handle<> waiter;
};

// Runs one of the tasks and stores how it ended. Both outlive it: they are members of the
// awaitable, in the awaiter's frame, which stays suspended until the latch is at zero.
template <typename T>
DetachedTask RunInto(Task<T>& task, std::optional<T>& result, std::exception_ptr& exception,
                     Latch& latch) {
  try {
    result.emplace(co_await task);
  } catch (...) {
    exception = std::current_exception();
  }
  latch.CountDown();
}

}  // namespace internal

// For a fixed number of tasks, of any types.
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

// For any number of tasks of one type.
template <typename T>
class WhenEach {
 public:
  explicit WhenEach(std::vector<Task<T>>& tasks)
      : tasks_(tasks),
        results_(tasks.size()),
        exceptions_(tasks.size()),
        latch_{tasks.size() + 1, {}} {}
  WhenEach(const WhenEach&) = delete;
  WhenEach& operator=(const WhenEach&) = delete;

  bool await_ready() const noexcept { return false; }
  // As WhenAll: the latch counts this function too.
  bool await_suspend(std::coroutine_handle<> awaiter) {
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      internal::RunInto(tasks_[i], results_[i], exceptions_[i], latch_);
    }
    latch_.waiter = awaiter;
    return --latch_.left != 0;
  }
  std::vector<T> await_resume() {
    for (const std::exception_ptr& exception : exceptions_) {
      if (exception) std::rethrow_exception(exception);
    }
    std::vector<T> results;
    results.reserve(results_.size());
    for (std::optional<T>& result : results_) results.push_back(std::move(*result));
    return results;
  }

 private:
  std::vector<Task<T>>& tasks_;
  std::vector<std::optional<T>> results_;
  std::vector<std::exception_ptr> exceptions_;
  internal::Latch latch_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_WHEN_ALL_H_
