// The thread outside the loops that lets a LoopWatchdog look every kWatchdogPeriod.
//
// It runs from construction to destruction; destroy it soon after the loops stop, or it takes their
// end for a stall. The watchdog is that thread's alone meanwhile. The period is an aim: a machine
// without a free processor delays the thread, and the watchdog counts no more than 100 ms of such a
// delay against a loop. What it costs: 200 looks a second, each some hundred nanoseconds a loop.
#ifndef SCALEOUT_GATEWAY_RUNTIME_LOOP_WATCHDOG_THREAD_H_
#define SCALEOUT_GATEWAY_RUNTIME_LOOP_WATCHDOG_THREAD_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/clock.h"
#include "gateway/runtime/loop_watchdog.h"

namespace scaleout::gateway {

inline constexpr std::chrono::milliseconds kWatchdogPeriod{5};

class LoopWatchdogThread {
 public:
  // The watchdog and the clock outlive the thread.
  LoopWatchdogThread(LoopWatchdog& watchdog, const Clock& clock);
  ~LoopWatchdogThread();
  LoopWatchdogThread(const LoopWatchdogThread&) = delete;
  LoopWatchdogThread& operator=(const LoopWatchdogThread&) = delete;

 private:
  void Run();

  LoopWatchdog& watchdog_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_LOOP_WATCHDOG_THREAD_H_
