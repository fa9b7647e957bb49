// What an Executor calls, made of a lambda.
#ifndef SCALEOUT_TESTS_SUPPORT_FUNCTION_JOBS_H_
#define SCALEOUT_TESTS_SUPPORT_FUNCTION_JOBS_H_

#include <functional>
#include <utility>

#include "gateway/runtime/executor.h"

namespace scaleout::testing {

class FunctionJob final : public gateway::Job {
 public:
  explicit FunctionJob(std::function<void()> what) : what_(std::move(what)) {}
  void Run() override { what_(); }

 private:
  const std::function<void()> what_;
};

class FunctionTimer final : public gateway::TimerJob {
 public:
  explicit FunctionTimer(std::function<void()> what) : what_(std::move(what)) {}
  void Run() override { what_(); }

 private:
  const std::function<void()> what_;
};

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
