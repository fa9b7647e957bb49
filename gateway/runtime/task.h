// Task<T>: a coroutine that starts when it is awaited and hands back one T. (Idea: Lewis Baker's
// cppcoro::task.)
//
// The owner of a Task destroys its frame; a Task is awaited at most once, and is never destroyed
// between its start and its end: cancellation is a request that the awaited calls answer early, not
// a destruction. All of it happens on one event loop's thread; the awaitables bring a coroutine
// back there, so nothing here locks. Exceptions pass through to the awaiter, but the project's own
// errors are absl::Status values.
//
// g++ 12 miscompiles some co_await expressions (docs/adr/2026-11-20-coroutines.md). So: one
// co_await a statement, its result in a named local, arguments named, parameter structs with
// constructors. scripts/tidy.py checks it.
#ifndef SCALEOUT_GATEWAY_RUNTIME_TASK_H_
#define SCALEOUT_GATEWAY_RUNTIME_TASK_H_

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace scaleout::gateway {

template <typename T = void>
class Task;

namespace internal {

// At the end of a task: continues its awaiter on the same stack (symmetric transfer, so that a long
// chain of tasks that end at once does not grow the stack). The frame stays, with the result in it,
// until the Task is destroyed.
struct ResumeContinuation {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
    std::coroutine_handle<> continuation = finished.promise().continuation;
    return continuation ? continuation : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct TaskPromiseBase {
  std::suspend_always initial_suspend() const noexcept { return {}; }
  ResumeContinuation final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { exception = std::current_exception(); }

  std::coroutine_handle<> continuation;
  std::exception_ptr exception;
};

// Where the result waits for the awaiter, which takes it once.
template <typename T>
struct TaskPromise : TaskPromiseBase {
  Task<T> get_return_object() noexcept;
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T Take() {
    if (exception) std::rethrow_exception(exception);
    return std::move(*value);
  }

  std::optional<T> value;
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void Take() const {
    if (exception) std::rethrow_exception(exception);
  }
};

}  // namespace internal

// A task that was moved from is empty; it may only be destroyed or assigned to.
template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::TaskPromise<T>;

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  // Starts the task on the awaiter's stack and gives its result, or rethrows.
  auto operator co_await() noexcept {
    struct Awaiter {
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) const noexcept {
        frame.promise().continuation = awaiter;
        return frame;
      }
      T await_resume() const { return frame.promise().Take(); }

      std::coroutine_handle<promise_type> frame;
    };
    return Awaiter{frame_};
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

namespace internal {

template <typename T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

}  // namespace internal

// What a coroutine returns that is not awaited: it starts at once on the caller's stack and
// destroys its own frame at its end. Whatever it uses has to live until then. An exception that
// leaves it terminates the process.
struct DetachedTask {
  struct promise_type {
    DetachedTask get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

namespace internal {

inline DetachedTask RunDetached(Task<void> task) { co_await task; }

}  // namespace internal

// Starts `task` now and lets it run to its end by itself. An exception that leaves it terminates
// the process.
inline void Start(Task<void> task) { internal::RunDetached(std::move(task)); }

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_TASK_H_
