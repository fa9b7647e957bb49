#include "common/log.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <utility>

#include "common/utf8.h"

namespace scaleout {
namespace {

// Lines that come in one burst leave in one write.
constexpr std::size_t kWriteBytes = 32 * 1024;

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

void AppendString(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    std::size_t length = Utf8CharacterSize(text);
    if (length == 0) {
      out += "\\ufffd";
      length = 1;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 0xF];
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  out += '"';
}

template <typename Number>
void AppendNumber(std::string& out, Number number) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

void AppendValue(std::string& out, const LogField::Value& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    AppendString(out, *text);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    out += *flag ? "true" : "false";
  } else if (const auto* real = std::get_if<double>(&value)) {
    // JSON has no word for infinity or NaN.
    std::isfinite(*real) ? AppendNumber(out, *real) : void(out += "null");
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    AppendNumber(out, *whole);
  } else {
    AppendNumber(out, std::get<std::uint64_t>(value));
  }
}

void AppendTime(std::string& out, WallTime time) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(ms);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(ms - day);
  char text[48];
  std::snprintf(
      text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  out += text;
}

// Renders lines. What all of them share is rendered once.
class LineWriter {
 public:
  explicit LineWriter(const LogOptions& options) : clock_(*options.clock) {
    source_ = ",\"service\":";
    AppendString(source_, options.service);
    source_ += ",\"instance\":";
    AppendString(source_, options.instance);
    source_ += ",\"msg\":";
  }

  std::string Render(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) const {
    std::string line;
    line.reserve(256);
    line += "{\"ts\":\"";
    AppendTime(line, clock_.WallNow());
    line += "\",\"level\":\"";
    line += LevelName(level);
    line += '"';
    line += source_;
    AppendString(line, message);
    for (const LogField& field : fields) {
      line += ',';
      AppendString(line, field.key);
      line += ':';
      AppendValue(line, field.value);
    }
    line += "}\n";
    return line;
  }

 private:
  const Clock& clock_;
  std::string source_;
};

// The writer thread's end of the queue. It buffers while more lines wait and writes when none do,
// so that a busy process pays one system call for many lines and an idle one shows each at once.
//
// Not spdlog's stdout sink: that one flushes after every line, its flush cannot be waited for, and
// stdio's lock would make exit() hang on a reader that has stopped.
class FdSink final : public spdlog::sinks::sink {
 public:
  FdSink(int fd, const LineWriter& lines) : fd_(fd), lines_(lines) { buffer_.reserve(kWriteBytes); }

  // Before the first line; `pool` must outlive the writer thread.
  void Attach(spdlog::details::thread_pool* pool) { pool_ = pool; }

  void log(const spdlog::details::log_msg& message) override {
    buffer_.append(message.payload.data(), message.payload.size());
    ++taken_;
    const bool idle = pool_->queue_size() == 0;
    if (idle) AppendDropped();
    if (idle || buffer_.size() >= kWriteBytes) WriteOut();
  }

  // Waits until `lines` lines have been written or dropped; false if kLogFlushLimit passed first.
  bool AwaitWritten(std::uint64_t lines) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLogFlushLimit,
                             [&] { return written_ + pool_->overrun_counter() >= lines; });
  }

  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  void AppendDropped() {
    const std::uint64_t dropped = pool_->overrun_counter();
    if (dropped == dropped_) return;
    buffer_ +=
        lines_.Render(LogLevel::kWarn, "log lines dropped", {{"dropped", dropped - dropped_}});
    dropped_ = dropped;
  }

  void WriteOut() {
    std::string_view left = buffer_;
    while (!left.empty()) {
      const ssize_t count = write(fd_, left.data(), left.size());
      if (count > 0) {
        left.remove_prefix(static_cast<std::size_t>(count));
      } else if (count < 0 && errno == EAGAIN) {
        // Whoever shares this descriptor made it non-blocking.
        pollfd writable = {fd_, POLLOUT, 0};
        poll(&writable, 1, -1);
      } else if (count >= 0 || errno != EINTR) {
        break;  // nobody reads any more, and there is nowhere to say so
      }
    }
    buffer_.clear();
    const std::lock_guard lock(mutex_);
    written_ = taken_;
    changed_.notify_all();
  }

  const int fd_;
  const LineWriter& lines_;
  spdlog::details::thread_pool* pool_ = nullptr;

  // The writer thread's.
  std::string buffer_;
  std::uint64_t taken_ = 0;
  std::uint64_t dropped_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t written_ = 0;
};

void PrepareWriterThread() {
  // Signals are for the program's own threads, and SIGPIPE becomes an EPIPE.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), "log");
}

class JsonLogger final : public Logger {
 public:
  explicit JsonLogger(const LogOptions& options)
      : level_(options.level), parts_(std::make_unique<Parts>(options)) {}

  // A writer that is stuck in write() cannot be joined. It is left behind with all it uses, so that
  // a process whose logs nobody reads can still exit.
  ~JsonLogger() override {
    if (!parts_->sink->AwaitWritten(posted_.load())) static_cast<void>(parts_.release());
  }

  bool Enabled(LogLevel level) const override { return level >= level_; }

  void Log(LogLevel level, std::string_view message,
           std::initializer_list<LogField> fields) override {
    const std::string line = parts_->lines.Render(level, message, fields);
    // Counted first: the queue is first in, first out, so once as many lines have left it, all of
    // those that were counted before a Flush have.
    posted_.fetch_add(1);
    parts_->queue->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }

  void Flush() override { parts_->sink->AwaitWritten(posted_.load()); }

 private:
  struct Parts {
    explicit Parts(const LogOptions& options)
        : lines(options),
          sink(std::make_shared<FdSink>(options.fd, lines)),
          pool(std::make_shared<spdlog::details::thread_pool>(kLogQueueLines, 1,
                                                              PrepareWriterThread)),
          queue(std::make_shared<spdlog::async_logger>(
              options.service, sink, pool, spdlog::async_overflow_policy::overrun_oldest)) {
      sink->Attach(pool.get());
    }

    // Joins the writer thread, which uses the other parts.
    ~Parts() { pool.reset(); }

    LineWriter lines;
    std::shared_ptr<FdSink> sink;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> queue;
  };

  const LogLevel level_;
  std::unique_ptr<Parts> parts_;
  std::atomic<std::uint64_t> posted_{0};
};

class NullLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Log(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
  void Flush() override {}
};

}  // namespace

std::unique_ptr<Logger> MakeJsonLogger(const LogOptions& options) {
  return std::make_unique<JsonLogger>(options);
}

std::unique_ptr<Logger> MakeNullLogger() { return std::make_unique<NullLogger>(); }

}  // namespace scaleout
