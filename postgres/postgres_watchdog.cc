#include "postgres/postgres_watchdog.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace scaleout {
namespace {

// How long the thread keeps looking after the last statement: under traffic it need not be woken
// for each one.
constexpr std::chrono::seconds kLinger{1};

}  // namespace

struct PostgresWatchdog::Impl {
  explicit Impl(const Clock& clock_in) : clock(clock_in), thread([this] { Run(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_one();
    thread.join();
  }

  void Run() {
    std::unique_lock lock(mutex);
    MonotonicTime idle_since = clock.Now();
    while (!stopping) {
      const MonotonicTime now = clock.Now();
      if (!watches.empty()) idle_since = now;
      if (now - idle_since > kLinger) {
        asleep = true;
        wake.wait(lock, [this] { return stopping || !watches.empty(); });
        asleep = false;
        continue;
      }
      Watch* over = FindOver();
      if (over == nullptr) {
        wake.wait_for(lock, UntilNextLook(now));
        continue;
      }
      over->cancelling_ = true;
      lock.unlock();
      over->cancel_();
      lock.lock();
      over->cancelling_ = false;
      cancelled.notify_all();
      // Gives the statement time to end before it is asked again, and its Watch the mutex to go
      // away.
      wake.wait_for(lock, kLookEvery);
    }
  }

  // Rotates, so that one statement that does not end cannot keep the others from being cancelled.
  Watch* FindOver() {
    for (std::size_t i = 0; i < watches.size(); ++i) {
      next = (next + 1) % watches.size();
      if (!CheckWanted(watches[next]->call_, clock).ok()) return watches[next];
    }
    return nullptr;
  }

  Duration UntilNextLook(MonotonicTime now) const {
    Duration wait = kLookEvery;
    for (const Watch* watch : watches) {
      if (!watch->call_.deadline.IsNever()) {
        wait = std::min<Duration>(wait, watch->call_.deadline.when() - now);
      }
    }
    return std::max(wait, Duration(std::chrono::microseconds(100)));
  }

  const Clock& clock;
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable cancelled;
  std::vector<Watch*> watches;
  std::size_t next = 0;
  bool asleep = false;
  bool stopping = false;
  std::thread thread;  // last: it uses the rest
};

PostgresWatchdog::PostgresWatchdog(const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}
PostgresWatchdog::~PostgresWatchdog() = default;

PostgresWatchdog::Watch::Watch(PostgresWatchdog& watchdog, const CallContext& call,
                               std::function<void()> cancel)
    : watchdog_(watchdog), call_(call), cancel_(std::move(cancel)) {
  Impl& impl = *watchdog_.impl_;
  bool asleep = false;
  {
    const std::lock_guard lock(impl.mutex);
    impl.watches.push_back(this);
    asleep = impl.asleep;
  }
  if (asleep) impl.wake.notify_one();
}

PostgresWatchdog::Watch::~Watch() {
  Impl& impl = *watchdog_.impl_;
  std::unique_lock lock(impl.mutex);
  impl.cancelled.wait(lock, [this] { return !cancelling_; });
  std::erase(impl.watches, this);
}

}  // namespace scaleout
