// The end of a user's sessions, in the transaction of the change that ends them.
//
// That transaction holds the lock of the user's row, under which sessions begin, so that no session
// begins beside it. After its commit the ids go to Revocations (revocations.h). Thread-safe.
#ifndef SCALEOUT_SERVICES_USER_ENDED_SESSIONS_H_
#define SCALEOUT_SERVICES_USER_ENDED_SESSIONS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "postgres/postgres_row.h"
#include "postgres/postgres_session.h"
#include "services/user/session_id.h"
#include "services/user/user_repository.h"

namespace scaleout::user {

// How a statement answers an id: `SELECT SESSION_ID("id")`.
#define SESSION_ID(column) "replace(" column "::text, '-', '') AS session_id"

SessionId ToSessionId(const PostgresRow& row);

// Ends them all. Answers those that have ended and are not published, earlier ones too: an attempt
// before this one may have committed and failed at the publication.
absl::StatusOr<std::vector<SessionId>> EndSessionsOfUser(PostgresSession& session, UserId id);

// Ends none and answers the same.
absl::StatusOr<std::vector<SessionId>> FindUnpublishedSessions(PostgresSession& session, UserId id);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_ENDED_SESSIONS_H_
