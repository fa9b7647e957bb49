// Makes the end of sessions known to every gateway.
//
// What ends a session commits that to PostgreSQL, calls Publish() with the ids, and answers only
// after it: from an OK on, every gateway refuses the sessions' tokens within a second. Where the
// publication fails, the rows stay marked as unpublished (sessions.published) and are published
// later. Implementations are thread-safe.
#ifndef SCALEOUT_SERVICES_USER_REVOCATIONS_H_
#define SCALEOUT_SERVICES_USER_REVOCATIONS_H_

#include <span>

#include "absl/status/status.h"
#include "common/call_context.h"
#include "services/user/session_id.h"

namespace scaleout::user {

class Revocations {
 public:
  virtual ~Revocations() = default;

  // Waits until redis-state has acknowledged that all of them have ended; no longer than the call
  // lasts. UNAVAILABLE otherwise, with reason REVOCATION_PENDING. The sessions' ends are committed.
  // OK at once if there are none. Publishing one twice changes nothing.
  virtual absl::Status Publish(const CallContext& call, std::span<const SessionId> ended) = 0;
};

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_REVOCATIONS_H_
