#include "service/batch_purge.h"

#include <chrono>
#include <utility>

namespace scaleout {
namespace {

constexpr std::chrono::minutes kPurgeEvery{1};
// Of one statement.
constexpr std::chrono::seconds kPurgeLimit{2};

}  // namespace

BatchPurge::BatchPurge(BatchPurgeOptions options, Logger& logger, const Clock& clock)
    : options_(std::move(options)),
      thread_({.name = options_.name, .work = options_.work, .poll = kPurgeEvery}, clock, logger) {}

void BatchPurge::Start(std::function<bool()> is_ready) {
  thread_.Start(std::move(is_ready), [this] { return Round(); });
}

absl::Status BatchPurge::Round() {
  while (!thread_.stopping()) {
    const absl::StatusOr<std::int64_t> purged =
        options_.purge(thread_.StepCall(kPurgeLimit), kPurgeBatch);
    if (!purged.ok()) return purged.status();
    if (*purged < kPurgeBatch) break;
  }
  return absl::OkStatus();
}

}  // namespace scaleout
