// A thread that does rounds of work: soon after it was woken, and every so often by itself.
//
// After a round it rests for work_share times as long as that took, within pace_min and pace_max,
// so that rounds gather work where there is much of it and leave the processor to others; the first
// after a longer rest begins at once. After a round that was not OK it
// rests for retry_min, doubling up to retry_max; that work does not get done, and that it does
// again, is one log line each. Wake() is for any thread; Start() and the destructor are the
// owner's.
#ifndef SCALEOUT_SERVICE_BACKGROUND_THREAD_H_
#define SCALEOUT_SERVICE_BACKGROUND_THREAD_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/log.h"

namespace scaleout {

struct BackgroundThreadOptions {
  std::string name = {};  // of the thread; at most 15 characters
  std::string work = {};  // in log lines: "publishing events"
  std::chrono::milliseconds poll{250};
  int work_share = 20;  // one part of work, so many of rest
  std::chrono::milliseconds pace_min{5};
  std::chrono::milliseconds pace_max{30};
  std::chrono::milliseconds retry_min{50};
  std::chrono::milliseconds retry_max{1'000};
  std::chrono::milliseconds long_round{5'000};
};

class BackgroundThread {
 public:
  BackgroundThread(BackgroundThreadOptions options, const Clock& clock, Logger& logger);
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;
  ~BackgroundThread() { Stop(); }

  // Rounds begin once `is_ready` says so. Once.
  void Start(std::function<bool()> is_ready, std::function<absl::Status()> round);
  void Wake();
  void AskToStop();
  // Waits for the round at work.
  void Stop();
  // For a round, so that it ends early.
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  // The same for one with much to do, for its own thread: also after `long_round`, so that its
  // status is heard; the next goes on soon.
  bool IsToEndRound();
  // For a step of a round: over after `limit`, and when the thread is to stop.
  CallContext StepCall(std::chrono::milliseconds limit) const;

 private:
  void Run();
  // False if it is to end.
  bool Rest(Duration at_most, bool may_be_woken);
  void Note(const absl::Status& status);

  const BackgroundThreadOptions options_;
  const Clock& clock_;
  Logger& logger_;
  std::function<bool()> is_ready_;
  std::function<absl::Status()> round_;
  bool failing_ = false;
  MonotonicTime round_ends_ = MonotonicTime::max();  // by itself

  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // over what follows
  std::condition_variable wake_;
  bool woken_ = false;

  std::thread thread_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_BACKGROUND_THREAD_H_
