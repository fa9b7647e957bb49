// A Logger that keeps its lines, for tests to look at. Thread-safe; every level is on.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_LOGGER_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_LOGGER_H_

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/log.h"

namespace scaleout::testing {

struct LoggedLine {
  LogLevel level;
  std::string message;
  std::map<std::string, std::string, std::less<>> fields;  // values as text: "true", "0.5", "42"
};

class FakeLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Flush() override {}

  void Log(LogLevel level, std::string_view message,
           std::initializer_list<LogField> fields) override {
    LoggedLine line{level, std::string(message), {}};
    for (const LogField& field : fields) {
      std::ostringstream text;
      text << std::boolalpha;
      std::visit([&text](const auto& value) { text << value; }, field.value);
      line.fields.emplace(field.key, text.str());
    }
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }

  std::vector<LoggedLine> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  std::size_t CountOf(std::string_view message) const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const LoggedLine& line : lines_) count += line.message == message ? 1 : 0;
    return count;
  }

  // The last line with that message.
  std::optional<LoggedLine> Find(std::string_view message) const {
    const std::lock_guard lock(mutex_);
    for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
      if (line->message == message) return *line;
    }
    return std::nullopt;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<LoggedLine> lines_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_LOGGER_H_
