#include "gateway/runtime/step_thread.h"

#include <pthread.h>

#include <utility>

namespace scaleout::gateway {

StepThread::StepThread(std::string name, std::function<Duration()> step)
    : name_(std::move(name)), step_(std::move(step)) {}

StepThread::~StepThread() {
  Stop(Duration::zero());
  if (thread_.joinable()) thread_.join();
}

void StepThread::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), name_.c_str());
    Run();
  });
}

bool StepThread::Stop(Duration limit) {
  if (!thread_.joinable()) return true;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    if (!changed_.wait_for(lock, limit, [this] { return ended_; })) return false;
  }
  thread_.join();
  return true;
}

void StepThread::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const Duration pause = step_();
    lock.lock();
    changed_.wait_for(lock, pause, [this] { return stopping_; });
  }
  ended_ = true;
  changed_.notify_all();
}

}  // namespace scaleout::gateway
