#include "service/background_thread.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "common/str_cat.h"

namespace scaleout {

BackgroundThread::BackgroundThread(BackgroundThreadOptions options, const Clock& clock,
                                   Logger& logger)
    : options_(std::move(options)), clock_(clock), logger_(logger) {}

void BackgroundThread::Start(std::function<bool()> is_ready, std::function<absl::Status()> round) {
  is_ready_ = std::move(is_ready);
  round_ = std::move(round);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), options_.name.c_str());
    Run();
  });
}

void BackgroundThread::Wake() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(woken_, true)) return;
  }
  wake_.notify_one();
}

void BackgroundThread::AskToStop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

void BackgroundThread::Stop() {
  AskToStop();
  if (thread_.joinable()) thread_.join();
}

bool BackgroundThread::IsToEndRound() {
  if (stopping()) return true;
  if (clock_.Now() < round_ends_) return false;
  Wake();
  return true;
}

CallContext BackgroundThread::StepCall(std::chrono::milliseconds limit) const {
  CallContext call;
  call.deadline = Deadline::In(limit, clock_);
  call.is_cancelled = [this] { return stopping(); };
  return call;
}

void BackgroundThread::Run() {
  while (!is_ready_()) {
    if (!Rest(options_.retry_min, false)) return;
  }
  Duration pause = options_.retry_min;
  while (true) {
    const MonotonicTime began = clock_.Now();
    round_ends_ = began + options_.long_round;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      woken_ = false;
    }
    const absl::Status status = round_();
    if (stopping()) return;
    Note(status);
    if (!status.ok()) {
      if (!Rest(pause, false)) return;
      pause = std::min<Duration>(2 * pause, options_.retry_max);
      continue;
    }
    pause = options_.retry_min;
    const Duration took = clock_.Now() - began;
    const Duration pace =
        std::clamp<Duration>(options_.work_share * took, options_.pace_min, options_.pace_max);
    if (!Rest(pace, false)) return;
    if (!Rest(options_.poll, true)) return;
  }
}

bool BackgroundThread::Rest(Duration at_most, bool may_be_woken) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, at_most, [&] { return stopping_ || (may_be_woken && woken_); });
  return !stopping_;
}

void BackgroundThread::Note(const absl::Status& status) {
  if (std::exchange(failing_, !status.ok()) == !status.ok()) return;
  if (status.ok()) {
    logger_.Info(StrCat(options_.work, " goes on"));
  } else {
    logger_.Warn(StrCat(options_.work, " has to wait"), {{"error", FromAbsl(status.message())}});
  }
}

}  // namespace scaleout
