#include "services/user/session_repository.h"

#include <chrono>
#include <utility>

#include "common/str_cat.h"
#include "postgres/postgres_pool.h"
#include "proto/scaleout/user/v1/auth_limits.h"
#include "services/user/ended_sessions.h"
#include "services/user/user_row.h"

namespace scaleout::user {
namespace {

// The whole second that has passed, so that no token begins in the future.
#define NOW_SECONDS "floor(date_part('epoch', now()))::bigint AS now_s"

// Before what ends all sessions of the user, or after it.
constexpr PostgresStatement kLockUser = {"lock_user_for_session",
                                         "SELECT role, " NOW_SECONDS
                                         " FROM users WHERE id = $1 FOR NO KEY UPDATE"};

constexpr PostgresStatement kCheckPassword = {
    "check_password_changes",
    "SELECT user_id FROM credentials WHERE user_id = $1 AND changes = $2"};

constexpr PostgresStatement kReplacePassword = {
    "replace_password_hash",
    "UPDATE credentials SET password_hash = $2, updated_at = now() WHERE user_id = $1"};

// Makes room for one more.
constexpr PostgresStatement kEndOldest = {
    "end_oldest_sessions",
    "UPDATE sessions SET revoked_at = now() WHERE id = ANY(ARRAY("
    "SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL"
    " ORDER BY created_at DESC, id DESC OFFSET $2)) AND revoked_at IS NULL"};

constexpr PostgresStatement kBeginSession = {
    "begin_session",
    "INSERT INTO sessions (id, user_id, refresh_hash, family_hash, expires_at) VALUES"
    " ($1::uuid, $2, decode($3, 'hex'), decode($4, 'hex'),"
    " now() + $5::bigint * interval '1 second')"};

constexpr PostgresStatement kLockSession = {
    "lock_session",
    "SELECT user_id, encode(refresh_hash, 'hex') AS newest,"
    " coalesce(encode(previous_refresh_hash, 'hex'), '') AS previous,"
    " coalesce(encode(family_hash, 'hex'), '') AS family,"
    " coalesce(rotated_at > now() - $2::bigint * interval '1 second', false) AS in_grace,"
    " revoked_at IS NULL AND expires_at > now() AS live,"
    " revoked_at IS NOT NULL AND NOT published AS unpublished, " NOW_SECONDS
    " FROM sessions WHERE id = $1::uuid FOR UPDATE"};

constexpr PostgresStatement kGetRole = {"get_role", "SELECT role FROM users WHERE id = $1"};

// The replaced token becomes the previous one. A use of the previous one leaves rotated_at, so that
// the grace is not extended by it. The family is the session's already, unless it had none.
constexpr PostgresStatement kRotate = {
    "rotate_session",
    "UPDATE sessions SET previous_refresh_hash = refresh_hash, refresh_hash = decode($2, 'hex'),"
    " rotated_at = CASE WHEN $3 THEN rotated_at ELSE now() END, family_hash = decode($5, 'hex'),"
    " expires_at = now() + $4::bigint * interval '1 second' WHERE id = $1::uuid"};

constexpr PostgresStatement kEndSession = {
    "end_session",
    "UPDATE sessions SET revoked_at = now() WHERE id = $1::uuid AND revoked_at IS NULL"};

constexpr PostgresStatement kEndSessionOfUser = {
    "end_session_of_user",
    "UPDATE sessions SET revoked_at = coalesce(revoked_at, now())"
    " WHERE id = $1::uuid AND user_id = $2 RETURNING published"};

constexpr PostgresStatement kFindLiveSessions = {
    "find_live_sessions", "SELECT " SESSION_ID("s.id") ", s.user_id, u.role"
                          " FROM sessions AS s JOIN users AS u ON u.id = s.user_id"
                          " WHERE s.id = ANY($1::uuid[]) AND s.revoked_at IS NULL"
                          " AND s.expires_at > now()"};

constexpr PostgresStatement kListRevoked = {
    "list_revoked_sessions",
    "SELECT " SESSION_ID("id") ","
    " (date_part('epoch', revoked_at) * 1000000)::bigint AS revoked_us FROM sessions"
    " WHERE revoked_at > now() - $1::bigint * interval '1 second' AND (revoked_at, id) >"
    " (timestamptz 'epoch' + $2::bigint * interval '1 microsecond', $3::uuid)"
    " ORDER BY revoked_at, id LIMIT $4"};

constexpr PostgresStatement kPurgeRevoked = {
    "purge_revoked_sessions",
    "DELETE FROM sessions WHERE id = ANY(ARRAY(SELECT id FROM sessions"
    " WHERE revoked_at < now() - interval '1 day' ORDER BY revoked_at, id LIMIT $1))"};

constexpr PostgresStatement kPurgeExpired = {
    "purge_expired_sessions",
    "DELETE FROM sessions WHERE id = ANY(ARRAY(SELECT id FROM sessions WHERE revoked_at IS NULL"
    " AND expires_at < now() - interval '1 day' ORDER BY expires_at LIMIT $1))"
    " AND revoked_at IS NULL AND expires_at < now() - interval '1 day'"};

#undef NOW_SECONDS

constexpr const char* kFirstId = "00000000000000000000000000000000";

std::int64_t Seconds(std::chrono::seconds time) { return time.count(); }

struct LockedUser {
  Role role = Role::kNone;
  std::int64_t now_s = 0;
};

LockedUser ToLockedUser(const PostgresRow& row) {
  return {row.Parsed("role", ParseRole), row.Int64("now_s")};
}

struct LockedSession {
  UserId user;
  RefreshHash newest;
  RefreshHash previous;  // empty: none
  RefreshHash family;    // empty: none
  bool in_grace = false;
  bool live = false;
  bool unpublished = false;
  std::int64_t now_s = 0;
};

LockedSession ToLockedSession(const PostgresRow& row) {
  return {.user = UserId(row.Int64("user_id")),
          .newest = row.Text("newest"),
          .previous = row.Text("previous"),
          .family = row.Text("family"),
          .in_grace = row.Bool("in_grace"),
          .live = row.Bool("live"),
          .unpublished = row.Bool("unpublished"),
          .now_s = row.Int64("now_s")};
}

class PostgresSessionRepository final : public SessionRepository {
 public:
  explicit PostgresSessionRepository(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<std::optional<AccessClaims>> Begin(const CallContext& call,
                                                    const NewSession& wanted) override {
    std::optional<AccessClaims> result;
    const absl::Status status = pool_.Transact(
        call, [&](PostgresSession& session) { return BeginIn(session, wanted, result); });
    if (!status.ok()) return status;
    return result;
  }

  absl::StatusOr<RotatedSession> Rotate(const CallContext& call, const RefreshToken& presented,
                                        const RefreshHash& next) override {
    RotatedSession result;
    const absl::Status status = pool_.Transact(
        call, [&](PostgresSession& session) { return RotateIn(session, presented, next, result); });
    if (!status.ok()) return status;
    return result;
  }

  absl::StatusOr<std::vector<SessionId>> End(const CallContext& call, UserId user,
                                             const SessionId& id) override {
    const auto to_published = [](const PostgresRow& row) { return row.Bool("published"); };
    const absl::StatusOr<std::optional<bool>> published =
        pool_.FindRow(call, kEndSessionOfUser, {id.hex(), user.value()}, to_published);
    if (!published.ok()) return published.status();
    if (!*published) return absl::NotFoundError("there is no such session");
    return **published ? std::vector<SessionId>() : std::vector<SessionId>{id};
  }

  absl::StatusOr<std::vector<LiveSession>> FindLive(const CallContext& call,
                                                    const std::vector<SessionId>& ids) override {
    const auto to_session = [](const PostgresRow& row) {
      return LiveSession{ToSessionId(row), UserId(row.Int64("user_id")),
                         row.Parsed("role", ParseRole)};
    };
    return pool_.Query(call, kFindLiveSessions, {ToValues(ids)}, to_session);
  }

  absl::StatusOr<std::vector<Revocation>> ListRevoked(const CallContext& call,
                                                      const std::optional<Revocation>& after,
                                                      std::int32_t limit) override {
    const auto to_revocation = [](const PostgresRow& row) {
      return Revocation{ToSessionId(row), row.Int64("revoked_us")};
    };
    const std::int64_t after_us = after ? after->revoked_us : 0;
    const std::string after_id = after ? after->id.hex() : kFirstId;
    return pool_.Query(call, kListRevoked,
                       {Seconds(v1::kRevocationTime), after_us, after_id, limit}, to_revocation);
  }

  absl::StatusOr<std::int64_t> Purge(const CallContext& call, std::int32_t limit) override {
    const absl::StatusOr<std::int64_t> revoked = pool_.Execute(call, kPurgeRevoked, {limit});
    if (!revoked.ok() || *revoked >= limit) return revoked;
    const auto left = static_cast<std::int32_t>(limit - *revoked);
    const absl::StatusOr<std::int64_t> expired = pool_.Execute(call, kPurgeExpired, {left});
    if (!expired.ok()) return expired;
    return *revoked + *expired;
  }

 private:
  static absl::Status BeginIn(PostgresSession& session, const NewSession& wanted,
                              std::optional<AccessClaims>& result) {
    const std::int64_t user = wanted.user.value();
    const absl::StatusOr<std::optional<LockedUser>> locked =
        session.FindRow(kLockUser, {user}, ToLockedUser);
    if (!locked.ok() || !*locked) return locked.status();
    const absl::StatusOr<std::optional<std::int64_t>> same =
        session.FindRow(kCheckPassword, {user, wanted.password_changes},
                        [](const PostgresRow& row) { return row.Int64("user_id"); });
    if (!same.ok() || !*same) return same.status();
    if (wanted.new_password_hash) {
      const auto replaced = session.Execute(kReplacePassword, {user, *wanted.new_password_hash});
      if (!replaced.ok()) return replaced.status();
    }
    const auto ended = session.Execute(kEndOldest, {user, kMaxSessionsPerUser - 1});
    if (!ended.ok()) return ended.status();
    const auto begun =
        session.Execute(kBeginSession, {wanted.id.hex(), user, wanted.refresh_hash,
                                        wanted.family_hash, Seconds(v1::kRefreshTokenTime)});
    if (!begun.ok()) return begun.status();
    result = AccessClaims{wanted.id, wanted.user, (*locked)->role, (*locked)->now_s};
    return absl::OkStatus();
  }

  static absl::Status RotateIn(PostgresSession& session, const RefreshToken& presented,
                               const RefreshHash& next, RotatedSession& result) {
    const std::string& id = presented.session.hex();
    const absl::StatusOr<std::optional<LockedSession>> locked =
        session.FindRow(kLockSession, {id, Seconds(v1::kRefreshGrace)}, ToLockedSession);
    if (!locked.ok() || !*locked) return locked.status();
    const bool is_newest = AreEqual(presented.hash, (*locked)->newest);
    const bool was_previous = AreEqual(presented.hash, (*locked)->previous);
    if (!is_newest && !was_previous && !AreEqual(presented.family, (*locked)->family)) {
      return absl::OkStatus();
    }
    if (!(*locked)->live) {
      // An earlier use of the token may have ended it, and failed at the publication.
      if ((*locked)->unpublished) result.ended = {presented.session};
      return absl::OkStatus();
    }
    const bool is_previous = (*locked)->in_grace && was_previous;
    if (!is_newest && !is_previous) {
      result.ended = {presented.session};
      return session.Execute(kEndSession, {id}).status();
    }
    const auto to_role = [](const PostgresRow& row) { return row.Parsed("role", ParseRole); };
    const absl::StatusOr<std::optional<Role>> role =
        session.FindRow(kGetRole, {(*locked)->user.value()}, to_role);
    if (!role.ok() || !*role) return role.status();
    const absl::StatusOr<std::int64_t> rotated =
        session.Execute(kRotate, {id, next, is_previous ? "true" : "false",
                                  Seconds(v1::kRefreshTokenTime), presented.family});
    if (!rotated.ok()) return rotated.status();
    result.claims = AccessClaims{presented.session, (*locked)->user, **role, (*locked)->now_s};
    return absl::OkStatus();
  }

  PostgresPool& pool_;
};

}  // namespace

std::unique_ptr<SessionRepository> MakeSessionRepository(PostgresPool& pool) {
  return std::make_unique<PostgresSessionRepository>(pool);
}

}  // namespace scaleout::user
