#include "services/user/credential_repository.h"

#include <cstdint>
#include <utility>

#include "postgres/postgres_pool.h"
#include "service/events/outbox.h"
#include "services/user/ended_sessions.h"
#include "services/user/user_events.h"
#include "services/user/user_row.h"

namespace scaleout::user {
namespace {

constexpr PostgresStatement kFindCredential = {"find_credential",
                                               "SELECT u.id, c.password_hash, c.changes FROM users "
                                               "AS u JOIN credentials AS c ON c.user_id = u.id"
                                               " WHERE lower(u.email) = lower($1)"};

constexpr PostgresStatement kCreateAccount = {
    "create_account",
    "INSERT INTO users (email, name, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
    " RETURNING " USER_COLUMNS};

constexpr PostgresStatement kSetPassword = {
    "set_password",
    "INSERT INTO credentials (user_id, password_hash) VALUES ($1, $2) ON CONFLICT (user_id)"
    " DO UPDATE SET password_hash = excluded.password_hash, changes = credentials.changes + 1,"
    " updated_at = now()"};

constexpr PostgresStatement kLockUserByEmail = {
    "lock_user_by_email", "SELECT id FROM users WHERE lower(email) = lower($1) FOR NO KEY UPDATE"};

// One command after the other, on all replicas. The number is this lock's and no other's.
constexpr PostgresStatement kLockFirstAdmin = {
    "lock_first_admin", "SELECT pg_advisory_xact_lock(4713001) IS NULL AS locked"};

constexpr PostgresStatement kFindAdmin = {"find_admin",
                                          "SELECT id FROM users WHERE role = 'admin' LIMIT 1"};

UserId ToId(const PostgresRow& row) { return UserId(row.Int64("id")); }

Credential ToCredential(const PostgresRow& row) {
  return {ToId(row), row.Text("password_hash"), row.Int64("changes")};
}

class PostgresCredentialRepository final : public CredentialRepository {
 public:
  PostgresCredentialRepository(PostgresPool& pool, Outbox& outbox) : pool_(pool), outbox_(outbox) {}

  absl::StatusOr<std::optional<Credential>> Find(const CallContext& call,
                                                 const std::string& email) override {
    return pool_.FindRow(call, kFindCredential, {email}, ToCredential);
  }

  absl::StatusOr<UserRecord> Register(const CallContext& call, const NewAccount& account) override {
    UserRecord result;
    const absl::Status status = outbox_.Transact(call, [&](PostgresSession& session) {
      return Create(session, account, Role::kCustomer, result);
    });
    if (!status.ok()) return status;
    return result;
  }

  absl::StatusOr<UserRecord> CreateFirstAdmin(const CallContext& call,
                                              const NewAccount& account) override {
    UserRecord result;
    const absl::Status status = outbox_.Transact(call, [&](PostgresSession& session) {
      const absl::StatusOr<std::int64_t> locked = session.Execute(kLockFirstAdmin);
      if (!locked.ok()) return locked.status();
      const absl::StatusOr<std::optional<UserId>> admin = session.FindRow(kFindAdmin, {}, ToId);
      if (!admin.ok()) return admin.status();
      if (*admin) return absl::FailedPreconditionError("there is an admin already");
      return Create(session, account, Role::kAdmin, result);
    });
    if (!status.ok()) return status;
    return result;
  }

  absl::StatusOr<std::vector<SessionId>> SetPassword(const CallContext& call,
                                                     const std::string& email,
                                                     const std::string& password_hash) override {
    std::vector<SessionId> result;
    const absl::Status status = pool_.Transact(call, [&](PostgresSession& session) {
      const absl::StatusOr<std::optional<UserId>> user =
          session.FindRow(kLockUserByEmail, {email}, ToId);
      if (!user.ok()) return user.status();
      if (!*user) return absl::NotFoundError("there is no user with that e-mail address");
      const auto set = session.Execute(kSetPassword, {(*user)->value(), password_hash});
      if (!set.ok()) return set.status();
      absl::StatusOr<std::vector<SessionId>> ended = EndSessionsOfUser(session, **user);
      if (!ended.ok()) return ended.status();
      result = *std::move(ended);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return result;
  }

 private:
  absl::Status Create(PostgresSession& session, const NewAccount& account, Role role,
                      UserRecord& result) {
    absl::StatusOr<std::optional<UserRecord>> created = session.FindRow(
        kCreateAccount, {account.email, account.name, std::string(RoleName(role))}, ToUser);
    if (!created.ok()) return created.status();
    if (!*created) return AddressTaken();
    result = **std::move(created);
    const auto set = session.Execute(kSetPassword, {result.id.value(), account.password_hash});
    if (!set.ok()) return set.status();
    return outbox_.Add(session, {UserChanged(result.id)});
  }

  PostgresPool& pool_;
  Outbox& outbox_;
};

}  // namespace

std::unique_ptr<CredentialRepository> MakeCredentialRepository(PostgresPool& pool, Outbox& outbox) {
  return std::make_unique<PostgresCredentialRepository>(pool, outbox);
}

}  // namespace scaleout::user
