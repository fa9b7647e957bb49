// One loop on the system's clock, as the tests of loops have it: they start it, have it run
// something and wait for the end of that, and note words from any thread.
#ifndef SCALEOUT_TESTS_GATEWAY_RUNTIME_EVENT_LOOP_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_RUNTIME_EVENT_LOOP_FIXTURE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gateway/runtime/event_loop.h"
#include "gateway/runtime/event_loops.h"
#include "tests/support/eventually.h"
#include "tests/support/function_jobs.h"

namespace scaleout::gateway {

class EventLoopTest : public ::testing::Test {
 protected:
  // Runs `what` on the loop and waits for its end.
  void OnLoop(std::function<void()> what) {
    std::atomic<bool> done{false};
    testing::FunctionJob job([&] {
      what();
      done = true;
    });
    loop.Post(job);
    ASSERT_TRUE(testing::Eventually([&] { return done.load(); }));
  }
  void Note(std::string word) {
    const std::lock_guard lock(mutex);
    words.push_back(std::move(word));
  }
  std::vector<std::string> Words() {
    const std::lock_guard lock(mutex);
    return words;
  }

  std::unique_ptr<Metrics> metrics = MakeMetrics();
  std::unique_ptr<Logger> logger = MakeNullLogger();
  std::mutex mutex;
  std::vector<std::string> words;
  EventLoops loops{1, SystemClock(), *logger, *metrics};
  EventLoop& loop = loops.at(0);
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_TESTS_GATEWAY_RUNTIME_EVENT_LOOP_FIXTURE_H_
