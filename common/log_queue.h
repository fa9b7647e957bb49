// The bounded queue between the threads that log and the one thread that writes to a descriptor.
//
// Push never blocks. Lines of WARN and ERROR have room of their own (kLogQueueWarnings), all others
// share kLogQueueLines: where access lines come faster than they can be written, they displace each
// other and never a warning. Each of the two drops its oldest line when it is full; the count of
// dropped lines, by level, is written as a line of its own when everything else has been written.
// Lines are written in the order of Push, up to 32 KiB a system call. A line that comes alone is
// written at once. When the writer has written all there was, it pauses for kLogPause before it
// takes further lines: waking it for each would cost a busy process more than making them. A
// warning, an error, AwaitWritten, the end and a queue that fills up end the pause. Thread-safe.
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

// How long a line below WARN may wait for the next write, unless the descriptor blocks.
inline constexpr std::chrono::milliseconds kLogPause{5};
// So many waiting lines end the pause.
inline constexpr std::size_t kLogLinesPerPause = kLogQueueLines / 8;

class LogQueue {
 public:
  // Counts by level.
  using Dropped = std::array<std::uint64_t, kLogLevels.size()>;

  // `fd` stays open as long as the queue lives. `render_dropped` makes the line that says how many
  // lines were dropped since the last such line; called by the writer.
  LogQueue(int fd, std::function<std::string(const Dropped&)> render_dropped,
           std::chrono::milliseconds pause = kLogPause);
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
  void Pause(std::unique_lock<std::mutex>& lock);
  bool IsEmpty() const { return warnings_.empty() && others_.empty(); }
  void TakeBatch();
  bool IsFinished(std::uint64_t before) const;
  void WriteBatch();

  const int fd_;
  const std::function<std::string(const Dropped&)> render_dropped_;
  const std::chrono::milliseconds pause_;

  mutable std::mutex mutex_;        // of all that follows but batch_
  std::condition_variable pushed_;  // for the writer, also while it pauses
  std::condition_variable written_;
  std::deque<Line> warnings_;
  std::deque<Line> others_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t first_in_batch_ = 0;  // while the batch is not empty
  bool writing_ = false;
  bool idle_ = false;   // the writer waits for a line
  bool hurry_ = false;  // the pause ends before its time
  bool stopping_ = false;
  Dropped dropped_{};
  Dropped reported_{};

  std::string batch_;  // the writer's
  std::thread writer_;
};

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_LOG_QUEUE_H_
