// Structured logs: one JSON object a line on stdout, with ts (RFC 3339, UTC, milliseconds), level
// (DEBUG, INFO, WARN, ERROR), service, instance, msg and named fields.
//
// A Logger is an argument of what logs; there is no global one. Writing never blocks the caller:
// lines go through a bounded queue (log_queue.h) to a writer thread. Where it is full, lines below
// WARN displace only each other, the oldest first, and so do warnings and errors; what was dropped
// is logged and counted by level (log_lines_dropped_total). A line below the logger's level costs a
// comparison. Destruction writes what is queued, but neither it nor Flush waits longer than
// LogOptions::flush_limit for a reader that has stopped. Thread-safe; a process that forks makes
// its logger afterwards. No secrets and no personal data belong in a line: log ids.
#ifndef SCALEOUT_COMMON_LOG_H_
#define SCALEOUT_COMMON_LOG_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "common/clock.h"

namespace scaleout {

// What may wait to be written: lines of DEBUG and INFO, and lines of WARN and ERROR.
inline constexpr std::size_t kLogQueueLines = 8192;
inline constexpr std::size_t kLogQueueWarnings = 1024;

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// The levels as a setting names them.
inline constexpr std::array<std::pair<std::string_view, LogLevel>, 4> kLogLevels = {{
    {"debug", LogLevel::kDebug},
    {"info", LogLevel::kInfo},
    {"warn", LogLevel::kWarn},
    {"error", LogLevel::kError},
}};

// One named value of a line. A string has to live until the call of Log returns.
struct LogField {
  using Value = std::variant<std::int64_t, std::uint64_t, double, bool, std::string_view>;

  LogField(std::string_view key_in, int value_in) : key(key_in), value(std::int64_t{value_in}) {}
  LogField(std::string_view key_in, std::int64_t value_in) : key(key_in), value(value_in) {}
  LogField(std::string_view key_in, std::uint64_t value_in) : key(key_in), value(value_in) {}
  LogField(std::string_view key_in, double value_in) : key(key_in), value(value_in) {}
  LogField(std::string_view key_in, bool value_in) : key(key_in), value(value_in) {}
  LogField(std::string_view key_in, std::string_view value_in) : key(key_in), value(value_in) {}
  LogField(std::string_view key_in, const std::string& value_in)
      : key(key_in), value(std::string_view(value_in)) {}
  LogField(std::string_view key_in, const char* value_in)
      : key(key_in), value(std::string_view(value_in)) {}

  std::string_view key;
  Value value;
};

class Logger {
 public:
  virtual ~Logger() = default;
  virtual bool Enabled(LogLevel level) const = 0;
  virtual void Log(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) = 0;
  // Waits until every line so far is written (or dropped); before an exit without destructors.
  virtual void Flush() = 0;
  // How many lines of `level` were dropped since the start.
  virtual std::uint64_t dropped(LogLevel /*level*/) const { return 0; }

  void Debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kDebug)) Log(LogLevel::kDebug, message, fields);
  }
  void Info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kInfo)) Log(LogLevel::kInfo, message, fields);
  }
  void Warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kWarn)) Log(LogLevel::kWarn, message, fields);
  }
  void Error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kError)) Log(LogLevel::kError, message, fields);
  }
};

struct LogOptions {
  std::string service;   // "api-gateway"
  std::string instance;  // unique over replicas
  LogLevel level = LogLevel::kInfo;
  int fd = 1;  // stdout; must stay open as long as the logger lives
  const Clock* clock = &SystemClock();
  // What Flush and the destructor wait for a reader that has stopped.
  std::chrono::milliseconds flush_limit{2000};
};

std::unique_ptr<Logger> MakeJsonLogger(const LogOptions& options);

// Writes nothing; for tests and tools.
std::unique_ptr<Logger> MakeNullLogger();

class Metrics;

// log_lines_dropped_total{level}. `logger` outlives the last rendering of `metrics`.
void AddLogMetrics(Metrics& metrics, const Logger& logger);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_LOG_H_
