// A thread that takes one step after the other, each of which waits for as long as it needs and
// says how long to pause before the next.
//
// Stop() does not wait for a step beyond kStepStopLimit: one that looks up a host name may take
// longer, and the process is to end. Start and Stop are the owner's.
#ifndef SCALEOUT_GATEWAY_RUNTIME_STEP_THREAD_H_
#define SCALEOUT_GATEWAY_RUNTIME_STEP_THREAD_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "common/clock.h"

namespace scaleout::gateway {

inline constexpr std::chrono::seconds kStepStopLimit{1};

class StepThread {
 public:
  // `name` has at most 15 characters.
  StepThread(std::string name, std::function<Duration()> step);
  StepThread(const StepThread&) = delete;
  StepThread& operator=(const StepThread&) = delete;
  // Waits for the step at work.
  ~StepThread();

  void Start();
  // Whether the thread has ended. If not, what its step stands on must not be destroyed: the
  // process is to end without that.
  bool Stop(Duration limit = kStepStopLimit);

 private:
  void Run();

  const std::string name_;
  const std::function<Duration()> step_;
  std::mutex mutex_;  // over what follows
  std::condition_variable changed_;
  bool stopping_ = false;
  bool ended_ = false;

  std::thread thread_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_RUNTIME_STEP_THREAD_H_
