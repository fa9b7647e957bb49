#include "gateway/runtime/loop_watchdog_thread.h"

namespace scaleout::gateway {

LoopWatchdogThread::LoopWatchdogThread(LoopWatchdog& watchdog, const Clock& clock)
    : watchdog_(watchdog), clock_(clock), thread_([this] { Run(); }) {}

LoopWatchdogThread::~LoopWatchdogThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

void LoopWatchdogThread::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, kWatchdogPeriod, [this] { return stopping_; })) {
    watchdog_.Check(clock_.Now());
  }
}

}  // namespace scaleout::gateway
