#include "gateway/runtime/event_loop.h"

#include <pistache/reactor.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "gateway/runtime/job_queue.h"
#include "gateway/runtime/loop_transport.h"
#include "gateway/runtime/timer_queue.h"

namespace scaleout::gateway {
namespace {

namespace Aio = Pistache::Aio;

// Jobs of the loop's own thread, in the order in which they came.
class JobList {
 public:
  JobList() = default;
  JobList(const JobList&) = delete;
  JobList& operator=(const JobList&) = delete;

  bool empty() const { return first_ == nullptr; }
  void Push(Job& job) {
    job.next = nullptr;
    *end_ = &job;
    end_ = &job.next;
  }
  Job& Take() {
    Job& job = *first_;
    first_ = std::exchange(job.next, nullptr);
    if (first_ == nullptr) end_ = &first_;
    return job;
  }
  // As a chain, linked by `next`; null if there is none.
  Job* TakeAll() {
    end_ = &first_;
    return std::exchange(first_, nullptr);
  }

 private:
  Job* first_ = nullptr;
  Job** end_ = &first_;
};

// A descriptor that this file opened and closes.
class OwnedFd {
 public:
  // Without one there is no loop, and it can only lack descriptors or memory, at start.
  explicit OwnedFd(int fd) : fd_(fd) {
    if (fd < 0) std::abort();
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  ~OwnedFd() { ::close(fd_); }
  int get() const { return fd_; }

 private:
  int fd_;
};

itimerspec At(MonotonicTime time) {
  const auto since_epoch =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  itimerspec schedule{};
  schedule.it_value.tv_sec = since_epoch.count() / 1'000'000'000;
  schedule.it_value.tv_nsec = since_epoch.count() % 1'000'000'000;
  return schedule;
}

int FdOf(const Aio::FdSet::Entry& entry) { return static_cast<int>(entry.getTag().value()); }

FdEvents EventsOf(const Aio::FdSet::Entry& entry) {
  // An entry shows all flags but Shutdown (EPOLLRDHUP). Only this cast reaches a private base.
  const auto& flags = ((const Pistache::Polling::Event&)entry).flags;
  // Pistache has no flag for an error (EPOLLERR): an event without any flag is one.
  const bool ended = entry.isHangup() || flags.hasFlag(Pistache::Polling::NotifyOn::Shutdown) ||
                     (!entry.isReadable() && !entry.isWritable());
  return {.readable = entry.isReadable() || ended, .writable = entry.isWritable(), .ended = ended};
}

class PistacheLoop final : public EventLoop {
 public:
  PistacheLoop(std::size_t index, const Clock& clock, Logger& logger, Metrics& metrics)
      : index_(index),
        clock_(clock),
        logger_(logger),
        monitor_(clock, index, metrics),
        wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        tick_fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        fine_fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        reactor_(Aio::Reactor::create()) {
    reactor_->init(Aio::SyncContext());
    transport_ =
        LoopTransport::Attach(*reactor_, [this](const Aio::FdSet& ready) { TakeTurn(ready); });
    for (const int fd : {wake_fd_.get(), tick_fd_.get(), fine_fd_.get()}) {
      if (!transport_->Add(fd, {.readable = true})) std::abort();
    }
  }

  ~PistacheLoop() override { Stop(); }

  void Start() override {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), StrCat("loop-", index_).c_str());
      StartTicking();
      reactor_->run();
    });
  }

  void Stop() override {
    if (!thread_.joinable()) return;
    reactor_->shutdown();
    thread_.join();
    RunPosted();
    RunDeferred();
    while (!holds_.empty()) RunHold();
  }

  void OnEachTick(std::function<void(Duration)> listener) override {
    tick_listeners_.push_back(std::move(listener));
  }
  LoopLagMonitor& monitor() override { return monitor_; }

  void Post(Job& job) override {
    if (posted_.Push(job)) Wake();
  }

  void Defer(Job& job) override { deferred_.Push(job); }

  void Hold(Job& job) override { holds_.Push(job); }
  void AddHoldListener(HoldListener& listener) override { hold_listeners_.push_back(&listener); }
  void RemoveHoldListener(HoldListener& listener) override {
    std::erase(hold_listeners_, &listener);
  }

  void After(Duration delay, TimerJob& timer) override { timers_.Arm(timer, clock_.Now() + delay); }
  void AfterFine(Duration delay, TimerJob& timer) override {
    const MonotonicTime when = clock_.Now() + delay;
    timers_.Arm(timer, when);
    WakeAt(when);
  }
  void Cancel(TimerJob& timer) override { timers_.Disarm(timer); }

  bool Watch(int fd, FdEvents interest, FdWatcher& watcher) override {
    const bool known = FindWatcher(fd) != nullptr;
    if (known ? !transport_->Change(fd, interest) : !transport_->Add(fd, interest)) {
      logger_.Error("cannot watch a descriptor", {{"loop", static_cast<std::int64_t>(index_)}});
      return false;
    }
    SetWatcher(fd, &watcher);
    return true;
  }

  void Unwatch(int fd) override {
    if (FindWatcher(fd) == nullptr) return;
    SetWatcher(fd, nullptr);
    transport_->Remove(fd);
  }

  bool AddPeer(int fd, FdWatcher& watcher) override {
    try {
      transport_->AddPeer(fd);
    } catch (const std::exception& error) {
      logger_.Error("cannot take a connection", {{"error", error.what()}});
      return false;
    }
    SetWatcher(fd, &watcher);
    return true;
  }

  void WatchWritable(int fd) override {
    try {
      transport_->WatchPeerWritable(fd);
    } catch (const std::exception& error) {
      logger_.Error("cannot watch a connection", {{"error", error.what()}});
    }
  }

  void ClosePeer(int fd) override {
    SetWatcher(fd, nullptr);
    try {
      transport_->RemovePeer(fd);
    } catch (const std::exception& error) {
      logger_.Error("cannot close a connection", {{"error", error.what()}});
    }
  }

  std::size_t ready_in_turn() const override { return ready_in_turn_; }

  void EnterRoute(const RouteDescription& route) override { monitor_.EnterRoute(route); }
  void LeaveRoute() override { monitor_.LeaveRoute(); }

  std::size_t index() const override { return index_; }

 private:
  void Wake() {
    const std::uint64_t one = 1;
    // It can only fail when the counter is full, and then the loop is awake already.
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_.get(), &one, sizeof one);
  }

  void TakeTurn(const Aio::FdSet& ready) {
    monitor_.OnWake(clock_.Now());
    bool tick = false;
    bool fine = false;
    bool posted = false;
    ready_in_turn_ = 0;
    for (std::size_t i = 0; i < ready.size(); ++i) {
      const int fd = FdOf(ready.at(i));
      if (fd == tick_fd_.get()) {
        tick = true;
      } else if (fd == fine_fd_.get()) {
        fine = true;
      } else if (fd == wake_fd_.get()) {
        posted = true;
      } else {
        ++ready_in_turn_;
      }
    }
    // The tick first, so that it measures the wait for this turn and not the turn itself.
    if (tick) Tick();
    if (fine) RunFineTimers();
    if (ready_in_turn_ != 0) CallWatchers(ready);
    if (posted) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t size = ::read(wake_fd_.get(), &count, sizeof count);
      RunPosted();
    }
    RunDeferred();
    if (!holds_.empty()) RunHold();
    if (!deferred_.empty() || !holds_.empty()) Wake();
    monitor_.OnIdle(clock_.Now());
  }

  void CallWatchers(const Aio::FdSet& ready) {
    for (std::size_t i = 0; i < ready.size(); ++i) {
      const Aio::FdSet::Entry& entry = ready.at(i);
      FdWatcher* const watcher = FindWatcher(FdOf(entry));
      if (watcher == nullptr) continue;
      watcher->OnReady(EventsOf(entry));
    }
  }

  void StartTicking() {
    next_tick_ = clock_.Now() + kLagTick;
    itimerspec schedule = At(next_tick_);
    schedule.it_interval.tv_nsec = std::chrono::nanoseconds(kLagTick).count();
    if (::timerfd_settime(tick_fd_.get(), TFD_TIMER_ABSTIME, &schedule, nullptr) != 0) std::abort();
    monitor_.OnTick(next_tick_ - kLagTick, next_tick_ - kLagTick);
  }

  void Tick() {
    std::uint64_t expirations = 0;
    if (::read(tick_fd_.get(), &expirations, sizeof expirations) != sizeof expirations) return;
    const MonotonicTime now = clock_.Now();
    monitor_.OnTick(next_tick_, now);
    for (const auto& listener : tick_listeners_) listener(now - next_tick_);
    next_tick_ += kLagTick * static_cast<std::int64_t>(expirations);
    RunDueTimers(now);
    WakeForTimers();
  }

  // Has the loop wake up at `when` or before.
  void WakeAt(MonotonicTime when) {
    if (when >= fine_wake_) return;
    fine_wake_ = when;
    const itimerspec schedule = At(when);
    if (::timerfd_settime(fine_fd_.get(), TFD_TIMER_ABSTIME, &schedule, nullptr) != 0) std::abort();
  }

  void RunFineTimers() {
    std::uint64_t expirations = 0;
    [[maybe_unused]] const ssize_t size = ::read(fine_fd_.get(), &expirations, sizeof expirations);
    fine_wake_ = MonotonicTime::max();
    RunDueTimers(clock_.Now());
    WakeForTimers();
  }

  // For those that are due before the next tick: the queue does not know which of them are fine.
  void WakeForTimers() {
    if (timers_.first_due() < next_tick_) WakeAt(timers_.first_due());
  }

  void RunDueTimers(MonotonicTime now) {
    while (TimerJob* const timer = timers_.TakeDue(now)) RunJob(*timer);
  }

  void RunPosted() { RunChain(posted_.TakeAll()); }

  void RunDeferred() { RunChain(deferred_.TakeAll()); }

  void RunHold() {
    AnnounceHold();
    RunDeferred();
    // What a listener sends can fail at once, and a client that pipelines asks for more then.
    AnnounceHold();
    RunJob(holds_.Take());
  }

  void AnnounceHold() {
    for (HoldListener* const listener : hold_listeners_) listener->OnHold();
  }

  void RunChain(Job* job) {
    while (job != nullptr) {
      Job* const following = std::exchange(job->next, nullptr);
      RunJob(*job);
      job = following;
    }
  }

  void RunJob(Job& job) {
    if (job.route != nullptr) monitor_.EnterRoute(*job.route);
    job.Run();
    monitor_.LeaveRoute();
  }

  FdWatcher* FindWatcher(int fd) const {
    const auto place = static_cast<std::size_t>(fd);
    return place < watchers_.size() ? watchers_[place] : nullptr;
  }

  void SetWatcher(int fd, FdWatcher* watcher) {
    const auto place = static_cast<std::size_t>(fd);
    if (place >= watchers_.size()) watchers_.resize(place + 1);
    watchers_[place] = watcher;
  }

  const std::size_t index_;
  const Clock& clock_;
  Logger& logger_;
  LoopLagMonitor monitor_;
  const OwnedFd wake_fd_;
  const OwnedFd tick_fd_;
  const OwnedFd fine_fd_;
  JobQueue posted_;
  TimerQueue timers_;
  MonotonicTime fine_wake_ = MonotonicTime::max();  // what fine_fd_ is set to
  JobList deferred_;
  JobList holds_;
  std::vector<HoldListener*> hold_listeners_;
  std::vector<FdWatcher*> watchers_;  // by descriptor
  std::size_t ready_in_turn_ = 0;
  std::vector<std::function<void(Duration)>> tick_listeners_;
  MonotonicTime next_tick_;
  const std::shared_ptr<Aio::Reactor> reactor_;
  std::shared_ptr<LoopTransport> transport_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<EventLoop> MakeEventLoop(std::size_t index, const Clock& clock, Logger& logger,
                                         Metrics& metrics) {
  return std::make_unique<PistacheLoop>(index, clock, logger, metrics);
}

}  // namespace scaleout::gateway
