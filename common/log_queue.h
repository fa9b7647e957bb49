// The bounded queue between the threads that log and the one thread that writes to a descriptor.
//
// Push never blocks. Lines of WARN and ERROR have room of their own (kLogQueueWarnings), all others
// share kLogQueueLines: where access lines come faster than they can be written, they displace each
// other and never a warning. Each of the two drops its oldest line when it is full; the count of
// dropped lines, by level, is written as a line of its own when everything else has been written.
// Lines are written in the order of Push. The writer gathers what waits, up to 32 KiB a system
// call: a busy process pays one call for many lines, an idle one writes each at once. Thread-safe.
#ifndef SCALEOUT_COMMON_LOG_QUEUE_H_
#define SCALEOUT_COMMON_LOG_QUEUE_H_

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "common/log.h"

namespace scaleout {

class LogQueue {
 public:
  // Counts by level.
  using Dropped = std::array<std::uint64_t, kLogLevels.size()>;

  // `fd` stays open as long as the queue lives. `render_dropped` makes the line that says how many
  // lines were dropped since the last such line; called by the writer.
  LogQueue(int fd, std::function<std::string(const Dropped&)> render_dropped);
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;
  // Writes what is queued and joins the writer: blocks for as long as the descriptor does.
  ~LogQueue();

  // `line` ends with a newline.
  void Push(LogLevel level, std::string line);

  // Waits until every line pushed so far has been written or dropped; false if `limit` passed
  // first.
  bool AwaitWritten(std::chrono::milliseconds limit);

  // Since the start.
  std::uint64_t dropped(LogLevel level) const;

 private:
  struct Line {
    std::uint64_t sequence;
    LogLevel level;
    std::string text;
  };

  void Run();
  bool IsEmpty() const { return warnings_.empty() && others_.empty(); }
  void TakeBatch();
  bool IsFinished(std::uint64_t before) const;
  void WriteBatch();

  const int fd_;
  const std::function<std::string(const Dropped&)> render_dropped_;

  mutable std::mutex mutex_;  // of all that follows but batch_
  std::condition_variable pushed_;
  std::condition_variable written_;
  std::deque<Line> warnings_;
  std::deque<Line> others_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t first_in_batch_ = 0;  // while the batch is not empty
  bool writing_ = false;
  bool stopping_ = false;
  Dropped dropped_{};
  Dropped reported_{};

  std::string batch_;  // the writer's
  std::thread writer_;
};

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_LOG_QUEUE_H_
