// Event loops with their links to a Redis server, and coroutines that run there while a test waits.
#ifndef SCALEOUT_TESTS_INTEGRATION_REDIS_STATE_LOOPS_H_
#define SCALEOUT_TESTS_INTEGRATION_REDIS_STATE_LOOPS_H_

#include <chrono>
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
#include "tests/support/eventually.h"
#include "tests/support/fake_logger.h"
#include "tests/support/function_jobs.h"

namespace scaleout::testing {

class RedisStateLoops {
 public:
  explicit RedisStateLoops(const RedisServer& server, std::size_t count = 1,
                           const gateway::RedisLinkConfig& config = {})
      : loops_(count, SystemClock(), logger_, *metrics_),
        redis_("redis-state", server, config, Executors(), SystemClock(), logger_, *metrics_) {
    redis_.Start();
    loops_.Start();
  }
  ~RedisStateLoops() { loops_.Stop(); }
  RedisStateLoops(const RedisStateLoops&) = delete;
  RedisStateLoops& operator=(const RedisStateLoops&) = delete;

  const gateway::LoopRedis& redis() const { return redis_; }
  bool WaitUntilUp() {
    return Eventually([this] {
      for (std::size_t i = 0; i < loops_.size(); ++i) {
        if (!redis_.Of(loops_.at(i)).up()) return false;
      }
      return true;
    });
  }

  // What `make` comes to on a loop.
  template <typename T>
  T Ask(const std::function<gateway::Task<T>(gateway::RequestContext&)>& make, std::size_t loop = 0,
        Duration time = std::chrono::seconds(3)) {
    gateway::RequestContext context(loops_.at(loop), SystemClock());
    context.deadline = SystemClock().Now() + time;
    std::promise<T> promise;
    FunctionJob begin([&] { gateway::Start(Deliver(make(context), promise)); });
    loops_.at(loop).Post(begin);
    T result = promise.get_future().get();
    // The coroutine's end, which still knows the context.
    std::promise<void> ended;
    FunctionJob end([&] { ended.set_value(); });
    loops_.at(loop).Post(end);
    ended.get_future().wait();
    return result;
  }

 private:
  template <typename T>
  static gateway::Task<void> Deliver(gateway::Task<T> task, std::promise<T>& promise) {
    T result = co_await task;
    promise.set_value(std::move(result));
  }
  std::vector<gateway::Executor*> Executors() const {
    std::vector<gateway::Executor*> executors;
    for (std::size_t i = 0; i < loops_.size(); ++i) executors.push_back(&loops_.at(i));
    return executors;
  }

  FakeLogger logger_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  gateway::EventLoops loops_;
  gateway::LoopRedis redis_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_REDIS_STATE_LOOPS_H_
