#include "common/grpc_log.h"

#include <grpc/support/log.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <string_view>

#include "common/clock.h"
#include "common/log_throttle.h"

namespace scaleout {
namespace {

constexpr std::chrono::milliseconds kLogInterval{100};

// gRPC takes a function without an argument for its caller.
std::mutex mutex;
Logger* logger = nullptr;

LogLevel LevelOf(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      return LogLevel::kDebug;
    case GPR_LOG_SEVERITY_INFO:
      return LogLevel::kInfo;
    case GPR_LOG_SEVERITY_ERROR:
      break;
  }
  return LogLevel::kError;
}

void Log(gpr_log_func_args* line) {
  static LogThrottle throttle(kLogInterval);
  const std::lock_guard lock(mutex);
  const LogLevel level = LevelOf(line->severity);
  if (logger == nullptr || !logger->Enabled(level)) return;
  const std::optional<std::int64_t> held_back = throttle.Admit(SystemClock().Now());
  if (!held_back) return;
  std::string_view file = line->file;
  file.remove_prefix(file.rfind('/') + 1);  // npos + 1 is 0
  logger->Log(
      level, "grpc",
      {{"detail", line->message}, {"file", file}, {"line", line->line}, {"heldBack", *held_back}});
}

}  // namespace

GrpcLog::GrpcLog(Logger& target) {
  {
    const std::lock_guard lock(mutex);
    logger = &target;
  }
  gpr_set_log_function(&Log);
}

GrpcLog::~GrpcLog() {
  gpr_set_log_function(nullptr);
  const std::lock_guard lock(mutex);
  logger = nullptr;
}

}  // namespace scaleout
