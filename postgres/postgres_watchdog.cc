#include "postgres/postgres_watchdog.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace scaleout {
namespace {

// How long the thread keeps looking after the last statement: under traffic it need not be woken
// for each one.
constexpr std::chrono::seconds kLinger{1};

// What the threads of cancel requests use: it outlives the watchdog while one of them is held up.
struct Shared {
  std::mutex mutex;
  std::condition_variable request_done;
  int requests = 0;  // under way
};

}  // namespace

struct PostgresWatchdog::Watch::Request {
  bool done = false;
};

struct PostgresWatchdog::Impl {
  explicit Impl(const Clock& clock_in) : clock(clock_in), thread([this] { Run(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(shared->mutex);
      stopping = true;
    }
    wake.notify_one();
    thread.join();
  }

  void Run() {
    std::unique_lock lock(shared->mutex);
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
      Rotate();
      for (Watch* watch : watches) Look(*watch, now);
      wake.wait_for(lock, UntilNextLook(now));
    }
  }

  // So that the first statements cannot keep the others from being cancelled.
  void Rotate() {
    if (!watches.empty()) std::rotate(watches.begin(), watches.begin() + 1, watches.end());
  }

  void Look(Watch& watch, MonotonicTime now) {
    if (watch.disconnected_ || !watch.IsOverdue(clock)) return;
    if (!watch.overdue_since_) watch.overdue_since_ = now;
    if (watch.action_ == Action::kDisconnect || now - *watch.overdue_since_ >= kDisconnectAfter) {
      watch.disconnected_ = true;
      watch.interrupter_->Disconnect();
      shared->request_done.notify_all();
    } else if (now >= watch.next_cancel_) {
      Cancel(watch, now);
    }
  }

  void Cancel(Watch& watch, MonotonicTime now) {
    const bool under_way = watch.request_ != nullptr && !watch.request_->done;
    if (under_way || shared->requests >= kMaxCancels) return;
    auto request = std::make_shared<Watch::Request>();
    try {
      // Everything that it uses it owns: while the server is frozen it may outlive the watchdog.
      std::thread([state = shared, request, interrupter = watch.interrupter_]() mutable {
        interrupter->Cancel();
        interrupter.reset();
        const std::lock_guard lock(state->mutex);
        request->done = true;
        --state->requests;
        state->request_done.notify_all();
      }).detach();
    } catch (const std::system_error&) {
      return;  // No thread can be had; the connection is disconnected in time.
    }
    ++shared->requests;
    watch.request_ = std::move(request);
    // Gives the statement time to end before it is cancelled again.
    watch.next_cancel_ = now + kLookEvery;
  }

  Duration UntilNextLook(MonotonicTime now) const {
    Duration wait = kLookEvery;
    for (const Watch* watch : watches) {
      const Deadline deadline = watch->limit_.Or(watch->call_.deadline);
      if (!deadline.IsNever() && !watch->overdue_since_) {
        wait = std::min<Duration>(wait, deadline.when() - now);
      }
    }
    return std::max(wait, Duration(std::chrono::microseconds(100)));
  }

  const Clock& clock;
  const std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  std::condition_variable wake;
  // Guarded by the mutex of `shared`.
  std::vector<Watch*> watches;
  bool asleep = false;
  bool stopping = false;
  std::thread thread;  // last: it uses the rest
};

PostgresWatchdog::PostgresWatchdog(const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}
PostgresWatchdog::~PostgresWatchdog() = default;

PostgresWatchdog::Watch::Watch(PostgresWatchdog& watchdog, const CallContext& call, Deadline limit,
                               Action action, std::shared_ptr<PostgresInterrupter> interrupter)
    : watchdog_(watchdog),
      call_(call),
      limit_(limit),
      action_(action),
      interrupter_(std::move(interrupter)) {
  Impl& impl = *watchdog_.impl_;
  bool asleep = false;
  {
    const std::lock_guard lock(impl.shared->mutex);
    impl.watches.push_back(this);
    asleep = impl.asleep;
  }
  if (asleep) impl.wake.notify_one();
}

PostgresWatchdog::Watch::~Watch() {
  Impl& impl = *watchdog_.impl_;
  std::unique_lock lock(impl.shared->mutex);
  // Until then it stays watched, and is disconnected if the request is held up.
  impl.shared->request_done.wait(
      lock, [this] { return request_ == nullptr || request_->done || disconnected_; });
  std::erase(impl.watches, this);
}

bool PostgresWatchdog::Watch::IsOverdue(const Clock& clock) const {
  return overdue_since_ || limit_.Passed(clock) || !CheckWanted(call_, clock).ok();
}

}  // namespace scaleout
