// A task that a test has started and looks at from outside.
#ifndef SCALEOUT_TESTS_SUPPORT_RUNNING_TASK_H_
#define SCALEOUT_TESTS_SUPPORT_RUNNING_TASK_H_

#include <optional>
#include <utility>

#include "gateway/runtime/task.h"

namespace scaleout::testing {

// Starts at once. Outlives the task.
template <typename T>
class RunningTask {
 public:
  explicit RunningTask(gateway::Task<T> task) { gateway::Start(Store(std::move(task), result_)); }
  RunningTask(const RunningTask&) = delete;
  RunningTask& operator=(const RunningTask&) = delete;

  bool done() const { return result_.has_value(); }
  // What it has come to; done() is true.
  T& value() { return result_.value(); }

 private:
  static gateway::Task<void> Store(gateway::Task<T> task, std::optional<T>& result) {
    T value = co_await task;
    result.emplace(std::move(value));
  }

  std::optional<T> result_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_RUNNING_TASK_H_
