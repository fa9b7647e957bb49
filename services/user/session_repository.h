// The sessions' table, as plain structs. All of its SQL is in the .cc and in ended_sessions.cc.
//
//   begun -> rotated (at each refresh) -> ended (logout, reuse of a refresh token, another role or
//   password, deletion of the user, or one login too many), or expired
//
// A session begins under the lock of its user's row, and rotates under that of its own, so that
// what ends a session leaves none behind it. What ended has to be published (revocations.h): each
// method answers which ones. Times are the database's, of the transaction. Methods take the call on
// whose behalf they work and also return the pool's statuses. Implementations are thread-safe.
#ifndef SCALEOUT_SERVICES_USER_SESSION_REPOSITORY_H_
#define SCALEOUT_SERVICES_USER_SESSION_REPOSITORY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/principal.h"
#include "services/user/refresh_token.h"
#include "services/user/session_id.h"
#include "services/user/token_signer.h"
#include "services/user/user_repository.h"

namespace scaleout {
class PostgresPool;
}  // namespace scaleout

namespace scaleout::user {

// Of one user; the oldest is ended when there would be more.
inline constexpr std::int32_t kMaxSessionsPerUser = 100;

struct NewSession {
  UserId user;
  // Credential::changes when the password was compared: if it was changed since, none begins. A
  // hash that another login has made anew for the same password does not matter.
  std::int64_t password_changes = 0;
  // What to store in its place; nothing: it stays.
  std::optional<std::string> new_password_hash;
  SessionId id;
  RefreshHash refresh_hash;
  RefreshHash family_hash;
};

// Of a refresh. No claims: the token is not accepted.
struct RotatedSession {
  std::optional<AccessClaims> claims;
  // Its session, if it has ended and the end is not published: because the token was used before,
  // or for another reason, now or earlier.
  std::vector<SessionId> ended;
};

// A session that is alive, with its user's role.
struct LiveSession {
  SessionId id;
  UserId user;
  Role role = Role::kNone;
};

struct Revocation {
  SessionId id;
  std::int64_t revoked_us = 0;  // microseconds since 1970
};

class SessionRepository {
 public:
  virtual ~SessionRepository() = default;

  // Nothing if the user is gone or has another password by now. Also ends the user's oldest ones
  // beyond kMaxSessionsPerUser, which are published later.
  virtual absl::StatusOr<std::optional<AccessClaims>> Begin(const CallContext& call,
                                                            const NewSession& session) = 0;
  // Puts `next` in the place of `presented`, which must be the newest token's hash, or the one
  // before it within v1::kRefreshGrace of its rotation. Another one of the session's family, which
  // was used before, ends the session; one that was never made changes nothing.
  virtual absl::StatusOr<RotatedSession> Rotate(const CallContext& call,
                                                const RefreshToken& presented,
                                                const RefreshHash& next) = 0;
  // NOT_FOUND if it is not the user's. Answers it unless it has been published before.
  virtual absl::StatusOr<std::vector<SessionId>> End(const CallContext& call, UserId user,
                                                     const SessionId& id) = 0;
  // Those of `ids` that have neither ended nor expired, in no order; one statement.
  virtual absl::StatusOr<std::vector<LiveSession>> FindLive(const CallContext& call,
                                                            const std::vector<SessionId>& ids) = 0;
  // Those that ended within v1::kRevocationTime, oldest first, from behind `after`, at most
  // `limit`.
  virtual absl::StatusOr<std::vector<Revocation>> ListRevoked(
      const CallContext& call, const std::optional<Revocation>& after, std::int32_t limit) = 0;
  // Deletes at most `limit` of those that ended or expired more than a day ago. How many.
  virtual absl::StatusOr<std::int64_t> Purge(const CallContext& call, std::int32_t limit) = 0;
};

// `pool` must outlive the repository.
std::unique_ptr<SessionRepository> MakeSessionRepository(PostgresPool& pool);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_SESSION_REPOSITORY_H_
