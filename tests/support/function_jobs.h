// What an Executor calls, made of a lambda.
#ifndef SCALEOUT_TESTS_SUPPORT_FUNCTION_JOBS_H_
#define SCALEOUT_TESTS_SUPPORT_FUNCTION_JOBS_H_

#include <functional>
#include <utility>

#include "gateway/runtime/executor.h"

namespace scaleout::testing {

// Of Job or a kind of it.
template <typename Base>
class RunsFunction final : public Base {
 public:
  explicit RunsFunction(std::function<void()> what) : what_(std::move(what)) {}
  void Run() override { what_(); }

 private:
  const std::function<void()> what_;
};
using FunctionJob = RunsFunction<gateway::Job>;
using FunctionTimer = RunsFunction<gateway::TimerJob>;

class FunctionWatcher final : public gateway::FdWatcher {
 public:
  explicit FunctionWatcher(std::function<void(gateway::FdEvents)> what) : what_(std::move(what)) {}
  void OnReady(gateway::FdEvents ready) override { what_(ready); }

 private:
  const std::function<void(gateway::FdEvents)> what_;
};

class FunctionHoldListener final : public gateway::HoldListener {
 public:
  explicit FunctionHoldListener(std::function<void()> what) : what_(std::move(what)) {}
  void OnHold() override { what_(); }

 private:
  const std::function<void()> what_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FUNCTION_JOBS_H_
