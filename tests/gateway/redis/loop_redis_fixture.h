// Coroutines on real event loops, with links to a real Redis.
#ifndef SCALEOUT_TESTS_GATEWAY_REDIS_LOOP_REDIS_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_REDIS_LOOP_REDIS_FIXTURE_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/redis/loop_redis.h"
#include "gateway/runtime/event_loops.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "tests/integration/private_redis.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"
#include "tests/support/function_jobs.h"

namespace scaleout::testing {

template <typename T>
using OnLoopTask = std::function<gateway::Task<T>(gateway::RequestContext& context)>;

// The loops of one process. They run until the end of the object, so what their coroutines use is
// declared before it.
class RunningLoops {
 public:
  explicit RunningLoops(std::size_t count) : loops_(count, SystemClock(), *logger_, *metrics_) {}

  void Start() { loops_.Start(); }
  void Stop() { loops_.Stop(); }
  gateway::EventLoop& at(std::size_t index) const { return loops_.at(index); }
  std::vector<gateway::Executor*> executors() const {
    std::vector<gateway::Executor*> executors;
    for (std::size_t i = 0; i < loops_.size(); ++i) executors.push_back(&loops_.at(i));
    return executors;
  }
  FakeLogger& logger() const { return *logger_; }
  Metrics& metrics() const { return *metrics_; }

  // Begins `what` on a loop; its result.
  template <typename T>
  std::future<T> Begin(const OnLoopTask<T>& what, Duration deadline = std::chrono::seconds(10),
                       std::size_t loop = 0) const {
    auto* const run = new OnLoop<T>(at(loop), what, deadline);
    std::future<T> result = run->result.get_future();
    at(loop).Post(*run);
    return result;
  }

  // Its result, once it is there.
  template <typename T>
  T Await(const OnLoopTask<T>& what, Duration deadline = std::chrono::seconds(10),
          std::size_t loop = 0) const {
    return Begin<T>(what, deadline, loop).get();
  }

  // Runs a function on a loop and waits for its end.
  void Call(const std::function<void()>& what, std::size_t loop = 0) const {
    std::promise<void> done;
    FunctionJob job([&] {
      what();
      done.set_value();
    });
    at(loop).Post(job);
    done.get_future().wait();
  }

 private:
  // Destroys itself at its end.
  template <typename T>
  class OnLoop final : public gateway::Job {
   public:
    OnLoop(gateway::EventLoop& loop, OnLoopTask<T> what, Duration deadline)
        : context_(loop, SystemClock()), what_(std::move(what)) {
      context_.deadline = SystemClock().Now() + deadline;
    }
    void Run() override { gateway::Start(Finish(std::unique_ptr<OnLoop>(this))); }

    std::promise<T> result;

   private:
    static gateway::Task<void> Finish(std::unique_ptr<OnLoop> self) {
      gateway::Task<T> task = self->what_(self->context_);
      T value = co_await task;
      self->result.set_value(std::move(value));
    }

    gateway::RequestContext context_;
    const OnLoopTask<T> what_;
  };

  const std::unique_ptr<FakeLogger> logger_ = std::make_unique<FakeLogger>();
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  gateway::EventLoops loops_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_GATEWAY_REDIS_LOOP_REDIS_FIXTURE_H_
