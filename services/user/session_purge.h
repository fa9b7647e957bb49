// Deletes the sessions that ended or expired more than a day ago, in small batches, once a minute.
//
// Several replicas may do it at once. It runs on a thread of its own, from Start() to the
// destructor, and takes one connection of the requests' pool for the time of a statement.
#ifndef SCALEOUT_SERVICES_USER_SESSION_PURGE_H_
#define SCALEOUT_SERVICES_USER_SESSION_PURGE_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/log.h"
#include "service/background_thread.h"
#include "services/user/session_repository.h"

namespace scaleout::user {

// Sessions of one statement.
inline constexpr std::int32_t kPurgeBatch = 500;

class SessionPurge {
 public:
  // The references must outlive it.
  SessionPurge(SessionRepository& sessions, Logger& logger, const Clock& clock);

  // Rounds begin once `is_ready` says that the tables are there. Once.
  void Start(std::function<bool()> is_ready);

  // Batches until one is not full; for tests too.
  absl::Status Round();

 private:
  SessionRepository& sessions_;
  const Clock& clock_;
  BackgroundThread thread_;
};

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_SESSION_PURGE_H_
