#include "services/user/user_repository.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "postgres/postgres_pool.h"
#include "service/events/outbox.h"
#include "service/idempotency/idempotent_writes.h"
#include "services/user/ended_sessions.h"
#include "services/user/user_events.h"
#include "services/user/user_row.h"

namespace scaleout::user {
namespace {

// A conflict of the address answers no row: one statement decides, without a check before it.
constexpr PostgresStatement kCreateUser = {"create_user",
                                           "INSERT INTO users (email, name) VALUES ($1, $2) ON "
                                           "CONFLICT DO NOTHING RETURNING " USER_COLUMNS};

constexpr PostgresStatement kGetUser = {"get_user",
                                        "SELECT " USER_COLUMNS " FROM users WHERE id = $1"};

constexpr PostgresStatement kFindUsers = {
    "find_users", "SELECT " USER_COLUMNS " FROM users WHERE id = ANY($1::bigint[])"};

constexpr PostgresStatement kListUsers = {
    "list_users", "SELECT " USER_COLUMNS " FROM users WHERE id < $1 ORDER BY id DESC LIMIT $2"};

constexpr PostgresStatement kUpdateUser = {
    "update_user",
    "UPDATE users SET email = coalesce($2, email), name = coalesce($3, name),"
    " role = coalesce($4, role), updated_at = now() WHERE id = $1 RETURNING " USER_COLUMNS};

// Sessions begin under this lock too (session_repository.cc), so that none is left out when a
// change ends them all.
constexpr PostgresStatement kLockUserRole = {
    "lock_user_role", "SELECT role FROM users WHERE id = $1 FOR NO KEY UPDATE"};

constexpr PostgresStatement kDeleteUser = {"delete_user", "DELETE FROM users WHERE id = $1"};

class PostgresUserRepository final : public UserRepository {
 public:
  PostgresUserRepository(PostgresPool& pool, Outbox& outbox) : pool_(pool), outbox_(outbox) {}

  absl::StatusOr<UserRecord> Create(PostgresSession& session, const NewUser& user) override {
    absl::StatusOr<std::optional<UserRecord>> created =
        session.FindRow(kCreateUser, {user.email, user.name}, ToUser);
    if (!created.ok()) return created.status();
    if (!*created) return AddressTaken();
    const absl::Status added = outbox_.Add(session, {UserChanged((*created)->id)});
    if (!added.ok()) return added;
    return **std::move(created);
  }

  absl::StatusOr<UserRecord> Get(const CallContext& call, UserId id) override {
    absl::StatusOr<std::optional<UserRecord>> user =
        pool_.FindRow(call, kGetUser, {id.value()}, ToUser);
    if (!user.ok()) return user.status();
    if (!*user) return NoSuchUser(id);
    return **std::move(user);
  }

  absl::StatusOr<std::vector<UserRecord>> FindMany(const CallContext& call,
                                                   const std::vector<UserId>& ids) override {
    return pool_.Query(call, kFindUsers, {ToValues(ids)}, ToUser);
  }

  absl::StatusOr<std::vector<UserRecord>> List(const CallContext& call,
                                               std::optional<UserId> before, int limit) override {
    const std::int64_t below = before ? before->value() : kMaxId + 1;
    return pool_.Query(call, kListUsers, {below, limit}, ToUser);
  }

  absl::StatusOr<ChangedUser> Update(const CallContext& call, UserId id,
                                     const UserChange& change) override {
    ChangedUser result;
    const absl::Status status = outbox_.Transact(call, [&](PostgresSession& session) {
      if (absl::Status ended = EndSessionsForRole(session, id, change.role, result.ended);
          !ended.ok()) {
        return ended;
      }
      std::optional<std::string> role;
      if (change.role) role = RoleName(*change.role);
      absl::StatusOr<std::optional<UserRecord>> user =
          session.FindRow(kUpdateUser, {id.value(), change.email, change.name, role}, ToUser);
      // The address is the only unique value that a change can touch.
      if (absl::IsAlreadyExists(user.status())) return AddressTaken();
      if (!user.ok()) return user.status();
      if (!*user) return NoSuchUser(id);
      result.user = **std::move(user);
      return outbox_.Add(session, {UserChanged(id)});
    });
    if (!status.ok()) return status;
    return result;
  }

  absl::StatusOr<std::vector<SessionId>> Delete(const CallContext& call, UserId id) override {
    std::vector<SessionId> result;
    const absl::Status status = outbox_.Transact(call, [&](PostgresSession& session) {
      const absl::StatusOr<std::int64_t> deleted = session.Execute(kDeleteUser, {id.value()});
      if (!deleted.ok()) return deleted.status();
      if (*deleted == 0) return NoSuchUser(id);
      const absl::Status forgotten = ForgetCreated(session, kCreateUserRoute, id.value());
      if (!forgotten.ok()) return forgotten;
      absl::StatusOr<std::vector<SessionId>> ended = EndSessionsOfUser(session, id);
      if (!ended.ok()) return ended.status();
      result = *std::move(ended);
      return outbox_.Add(session, {UserChanged(id)});
    });
    if (!status.ok()) return status;
    return result;
  }

 private:
  // Ends them where `role` is another than the user's. `ended` also has those that an earlier
  // attempt at the same change has ended and could not publish.
  static absl::Status EndSessionsForRole(PostgresSession& session, UserId id,
                                         std::optional<Role> role, std::vector<SessionId>& ended) {
    if (!role) return absl::OkStatus();
    const auto to_role = [](const PostgresRow& row) { return row.Parsed("role", ParseRole); };
    const absl::StatusOr<std::optional<Role>> before =
        session.FindRow(kLockUserRole, {id.value()}, to_role);
    if (!before.ok()) return before.status();
    if (!*before) return NoSuchUser(id);
    absl::StatusOr<std::vector<SessionId>> sessions =
        **before == *role ? FindUnpublishedSessions(session, id) : EndSessionsOfUser(session, id);
    if (!sessions.ok()) return sessions.status();
    ended = *std::move(sessions);
    return absl::OkStatus();
  }

  PostgresPool& pool_;
  Outbox& outbox_;
};

}  // namespace

absl::Status NoSuchUser(UserId id) {
  return absl::NotFoundError(StrCat("there is no user ", id.value()));
}

absl::Status AddressTaken() {
  return absl::AlreadyExistsError("the e-mail address belongs to another user");
}

std::unique_ptr<UserRepository> MakeUserRepository(PostgresPool& pool, Outbox& outbox) {
  return std::make_unique<PostgresUserRepository>(pool, outbox);
}

}  // namespace scaleout::user
