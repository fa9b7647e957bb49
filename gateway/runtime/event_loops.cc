#include "gateway/runtime/event_loops.h"

#include <algorithm>

namespace scaleout::gateway {

EventLoops::EventLoops(std::size_t count, const Clock& clock, Logger& logger, Metrics& metrics) {
  for (std::size_t i = 0; i < count; ++i) {
    loops_.push_back(MakeEventLoop(i, clock, logger, metrics));
  }
}

EventLoops::~EventLoops() { Stop(); }

void EventLoops::OnEachTick(const std::function<void(std::size_t, Duration)>& listener) {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->OnEachTick([listener, i](Duration lag) { listener(i, lag); });
  }
}

void EventLoops::Start() {
  for (const std::unique_ptr<EventLoop>& loop : loops_) loop->Start();
}

void EventLoops::Stop() {
  for (const std::unique_ptr<EventLoop>& loop : loops_) loop->Stop();
}

std::vector<LoopLagMonitor*> EventLoops::monitors() const {
  std::vector<LoopLagMonitor*> monitors;
  for (const std::unique_ptr<EventLoop>& loop : loops_) monitors.push_back(&loop->monitor());
  return monitors;
}

bool EventLoops::MakeProgress(MonotonicTime now, Duration bound) const {
  return std::all_of(loops_.begin(), loops_.end(), [now, bound](const auto& loop) {
    return loop->monitor().CurrentLag(now) < bound;
  });
}

}  // namespace scaleout::gateway
