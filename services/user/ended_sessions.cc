#include "services/user/ended_sessions.h"

#include <cstdint>

namespace scaleout::user {
namespace {

constexpr PostgresStatement kEndSessions = {
    "end_sessions",
    "UPDATE sessions SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL"};

constexpr PostgresStatement kFindUnpublishedSessions = {
    "find_unpublished_sessions",
    "SELECT " SESSION_ID(
        "id") " FROM sessions WHERE user_id = $1 AND revoked_at IS NOT NULL AND NOT published"};

}  // namespace

SessionId ToSessionId(const PostgresRow& row) { return row.Parsed("session_id", SessionId::Parse); }

absl::StatusOr<std::vector<SessionId>> EndSessionsOfUser(PostgresSession& session, UserId id) {
  const absl::StatusOr<std::int64_t> ended = session.Execute(kEndSessions, {id.value()});
  if (!ended.ok()) return ended.status();
  return FindUnpublishedSessions(session, id);
}

absl::StatusOr<std::vector<SessionId>> FindUnpublishedSessions(PostgresSession& session,
                                                               UserId id) {
  return session.Query(kFindUnpublishedSessions, {id.value()}, ToSessionId);
}

}  // namespace scaleout::user
