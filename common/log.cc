#include "common/log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <utility>

#include "common/log_queue.h"
#include "common/metrics.h"
#include "common/utf8.h"

namespace scaleout {
namespace {

// Only a guess at what to allocate: an access line.
constexpr std::size_t kTypicalLineBytes = 384;

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

// How many characters at the start of `text` are in a JSON string as they are.
std::size_t PlainSize(std::string_view text) {
  const auto* const end = std::ranges::find_if_not(
      text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  return static_cast<std::size_t>(end - text.begin());
}

void AppendString(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t plain = PlainSize(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
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

// Rendered once a second on each thread that logs.
std::string_view RenderSecond(std::chrono::sys_seconds second) {
  thread_local std::chrono::sys_seconds rendered{std::chrono::seconds::min()};
  thread_local std::array<char, 48> text{};
  if (std::exchange(rendered, second) == second) return text.data();
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(second - day);
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

void AppendTime(std::string& out, WallTime time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time - second).count();
  out += RenderSecond(second);
  for (const auto unit : {100, 10, 1}) out += static_cast<char>('0' + ms / unit % 10);
  out += 'Z';
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
    line.reserve(kTypicalLineBytes);
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

class JsonLogger final : public Logger {
 public:
  explicit JsonLogger(const LogOptions& options)
      : level_(options.level),
        flush_limit_(options.flush_limit),
        parts_(std::make_unique<Parts>(options)) {}

  // A writer that is blocked in write() cannot be joined. It is left behind with all it uses, so
  // that a process whose logs are not read can still exit.
  ~JsonLogger() override {
    if (!parts_->queue.AwaitWritten(flush_limit_)) static_cast<void>(parts_.release());
  }

  bool Enabled(LogLevel level) const override { return level >= level_; }

  void Log(LogLevel level, std::string_view message,
           std::initializer_list<LogField> fields) override {
    parts_->queue.Push(level, parts_->lines.Render(level, message, fields));
  }

  void Flush() override { parts_->queue.AwaitWritten(flush_limit_); }

  std::uint64_t dropped(LogLevel level) const override { return parts_->queue.dropped(level); }

 private:
  struct Parts {
    explicit Parts(const LogOptions& options)
        : lines(options), queue(options.fd, [this](const LogQueue::Dropped& dropped) {
            return RenderDropped(dropped);
          }) {}

    std::string RenderDropped(const LogQueue::Dropped& dropped) const {
      const auto count = [&dropped](LogLevel level) {
        return dropped[static_cast<std::size_t>(level)];
      };
      return lines.Render(
          LogLevel::kWarn, "log lines dropped",
          {{"dropped", std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0})},
           {"debug", count(LogLevel::kDebug)},
           {"info", count(LogLevel::kInfo)},
           {"warn", count(LogLevel::kWarn)},
           {"error", count(LogLevel::kError)}});
    }

    const LineWriter lines;
    LogQueue queue;
  };

  const LogLevel level_;
  const std::chrono::milliseconds flush_limit_;
  std::unique_ptr<Parts> parts_;
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

void AddLogMetrics(Metrics& metrics, const Logger& logger) {
  for (const auto& [name, level] : kLogLevels) {
    metrics.AddCallbackCounter(
        "log_lines_dropped_total", "Log lines dropped because they came faster than they were read",
        {{"level", std::string(name)}},
        [&logger, level = level] { return static_cast<double>(logger.dropped(level)); });
  }
}

std::unique_ptr<Logger> MakeNullLogger() { return std::make_unique<NullLogger>(); }

}  // namespace scaleout
