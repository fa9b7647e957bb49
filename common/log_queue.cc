#include "common/log_queue.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace scaleout {
namespace {

constexpr std::size_t kWriteBytes = 32 * 1024;

std::size_t IndexOf(LogLevel level) { return static_cast<std::size_t>(level); }

void PrepareWriterThread() {
  // Signals are for the program's own threads, and SIGPIPE becomes an EPIPE.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), "log");
}

}  // namespace

LogQueue::LogQueue(int fd, std::function<std::string(const Dropped&)> render_dropped,
                   std::chrono::milliseconds pause)
    : fd_(fd), render_dropped_(std::move(render_dropped)), pause_(pause) {
  batch_.reserve(kWriteBytes);
  writer_ = std::thread([this] {
    PrepareWriterThread();
    Run();
  });
}

LogQueue::~LogQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  pushed_.notify_one();
  writer_.join();
}

void LogQueue::Push(LogLevel level, std::string line) {
  const bool is_warning = level >= LogLevel::kWarn;
  std::string oldest;  // freed without the lock
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    std::deque<Line>& lines = is_warning ? warnings_ : others_;
    if (lines.size() >= (is_warning ? kLogQueueWarnings : kLogQueueLines)) {
      dropped_[IndexOf(lines.front().level)] += 1;
      oldest = std::move(lines.front().text);
      lines.pop_front();
    }
    lines.push_back({next_sequence_++, level, std::move(line)});
    const bool hurry = is_warning || others_.size() == kLogLinesPerPause;
    wake = std::exchange(idle_, false) || (hurry && !std::exchange(hurry_, true));
  }
  if (wake) pushed_.notify_one();
}

bool LogQueue::AwaitWritten(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  const std::uint64_t end = next_sequence_;
  if (IsFinished(end)) return true;
  hurry_ = true;
  pushed_.notify_one();
  return written_.wait_for(lock, limit, [this, end] { return IsFinished(end); });
}

bool LogQueue::IsFinished(std::uint64_t before) const {
  return (warnings_.empty() || warnings_.front().sequence >= before) &&
         (others_.empty() || others_.front().sequence >= before) &&
         (!writing_ || first_in_batch_ >= before);
}

std::uint64_t LogQueue::dropped(LogLevel level) const {
  const std::lock_guard lock(mutex_);
  return dropped_[IndexOf(level)];
}

void LogQueue::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    idle_ = IsEmpty();
    pushed_.wait(lock, [this] { return stopping_ || !IsEmpty(); });
    if (IsEmpty()) return;
    TakeBatch();
    writing_ = true;
    Dropped unreported{};
    if (IsEmpty()) {
      std::ranges::transform(dropped_, reported_, unreported.begin(), std::minus<>());
      reported_ = dropped_;
    }
    lock.unlock();
    if (unreported != Dropped{}) batch_ += render_dropped_(unreported);
    WriteBatch();
    lock.lock();
    writing_ = false;
    written_.notify_all();
    if (IsEmpty()) Pause(lock);
  }
}

void LogQueue::Pause(std::unique_lock<std::mutex>& lock) {
  hurry_ = false;
  pushed_.wait_for(lock, pause_, [this] { return stopping_ || hurry_; });
}

void LogQueue::TakeBatch() {
  first_in_batch_ = next_sequence_;
  while (!IsEmpty() && batch_.size() < kWriteBytes) {
    const bool warning_first =
        others_.empty() ||
        (!warnings_.empty() && warnings_.front().sequence < others_.front().sequence);
    std::deque<Line>& lines = warning_first ? warnings_ : others_;
    first_in_batch_ = std::min(first_in_batch_, lines.front().sequence);
    batch_ += lines.front().text;
    lines.pop_front();
  }
}

void LogQueue::WriteBatch() {
  std::string_view left = batch_;
  while (!left.empty()) {
    const ssize_t count = write(fd_, left.data(), left.size());
    if (count > 0) {
      left.remove_prefix(static_cast<std::size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {
      // Another process that shares this descriptor made it non-blocking.
      pollfd writable = {fd_, POLLOUT, 0};
      poll(&writable, 1, -1);
    } else if (count >= 0 || errno != EINTR) {
      break;  // the reader is gone, and there is no other place to report it
    }
  }
  batch_.clear();
}

}  // namespace scaleout
