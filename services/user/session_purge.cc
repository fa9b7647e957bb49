#include "services/user/session_purge.h"

#include <chrono>
#include <utility>

#include "common/call_context.h"

namespace scaleout::user {
namespace {

constexpr std::chrono::minutes kPurgeEvery{1};
// Of one statement.
constexpr std::chrono::seconds kPurgeLimit{2};

}  // namespace

SessionPurge::SessionPurge(SessionRepository& sessions, Logger& logger, const Clock& clock)
    : sessions_(sessions),
      clock_(clock),
      thread_({.name = "session-purge", .work = "deleting old sessions", .poll = kPurgeEvery},
              clock, logger) {}

void SessionPurge::Start(std::function<bool()> is_ready) {
  thread_.Start(std::move(is_ready), [this] { return Round(); });
}

absl::Status SessionPurge::Round() {
  while (!thread_.stopping()) {
    CallContext call;
    call.deadline = Deadline::In(kPurgeLimit, clock_);
    call.is_cancelled = [this] { return thread_.stopping(); };
    const absl::StatusOr<std::int64_t> purged = sessions_.Purge(call, kPurgeBatch);
    if (!purged.ok()) return purged.status();
    if (*purged < kPurgeBatch) break;
  }
  return absl::OkStatus();
}

}  // namespace scaleout::user
