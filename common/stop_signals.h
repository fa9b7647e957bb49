// SIGTERM and SIGINT as something to wait for, instead of something that strikes.
//
// Made first in main, before any thread: it blocks both signals in the thread that makes it, every
// later thread inherits that, and they arrive on a descriptor. SIGPIPE is ignored. One per process.
#ifndef SCALEOUT_COMMON_STOP_SIGNALS_H_
#define SCALEOUT_COMMON_STOP_SIGNALS_H_

namespace scaleout {

class StopSignals {
 public:
  // Aborts if the kernel refuses a descriptor: nothing works then.
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Readable while a signal is pending, for poll().
  int fd() const { return fd_; }
  // Takes one pending signal and returns its number; 0 if there is none.
  int Take();
  // Blocks until one arrives, and returns its number.
  int Wait();
  // From now on a further signal ends the process at once. From the thread that made this.
  void Release();

 private:
  int fd_;
};

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_STOP_SIGNALS_H_
