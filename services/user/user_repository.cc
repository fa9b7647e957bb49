#include "services/user/user_repository.h"

#include <cstdint>
#include <utility>

#include "common/checksum.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "postgres/postgres_pool.h"

namespace scaleout::user {
namespace {

#define USER_COLUMNS                                                   \
  "id, email, name, "                                                  \
  "(date_part('epoch', created_at) * 1000000)::bigint AS created_us, " \
  "(date_part('epoch', updated_at) * 1000000)::bigint AS updated_us"

// A conflict of the key or of the address answers no row: one statement decides, without a check
// before it.
constexpr PostgresStatement kCreateUser = {
    "create_user",
    "INSERT INTO users (email, name, creation_key, creation_fingerprint) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT DO NOTHING RETURNING " USER_COLUMNS};

constexpr PostgresStatement kFindCreatedUser = {
    "find_created_user",
    "SELECT " USER_COLUMNS ", creation_fingerprint FROM users WHERE creation_key = $1"};

constexpr PostgresStatement kGetUser = {"get_user",
                                        "SELECT " USER_COLUMNS " FROM users WHERE id = $1"};

constexpr PostgresStatement kFindUsers = {
    "find_users", "SELECT " USER_COLUMNS " FROM users WHERE id = ANY($1::bigint[])"};

constexpr PostgresStatement kListUsers = {
    "list_users", "SELECT " USER_COLUMNS " FROM users WHERE id < $1 ORDER BY id DESC LIMIT $2"};

constexpr PostgresStatement kUpdateUser = {
    "update_user",
    "UPDATE users SET email = coalesce($2, email), name = coalesce($3, name), updated_at = now() "
    "WHERE id = $1 RETURNING " USER_COLUMNS};

constexpr PostgresStatement kDeleteUser = {"delete_user", "DELETE FROM users WHERE id = $1"};

#undef USER_COLUMNS

UserRecord ToUser(const PostgresRow& row) {
  UserRecord user;
  user.id = UserId(row.Int64("id"));
  user.email = row.Text("email");
  user.name = row.Text("name");
  user.created_at = row.Time("created_us");
  user.updated_at = row.Time("updated_us");
  return user;
}

// What an earlier call with the same key created, and the fingerprint of its request.
struct EarlierUser {
  std::string fingerprint;
  UserRecord user;
};

EarlierUser ToEarlierUser(const PostgresRow& row) {
  return {row.Text("creation_fingerprint"), ToUser(row)};
}

absl::Status AddressTaken() {
  return absl::AlreadyExistsError("the e-mail address belongs to another user");
}

class PostgresUserRepository final : public UserRepository {
 public:
  explicit PostgresUserRepository(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<CreatedUser> Create(const CallContext& call, const NewUser& user) override {
    std::optional<std::string> key;
    std::optional<std::string> fingerprint;
    if (!user.idempotency_key.empty()) {
      key = user.idempotency_key;
      fingerprint = ChecksumText({user.email, user.name});
    }
    absl::StatusOr<std::optional<UserRecord>> created =
        pool_.FindRow(call, kCreateUser, {user.email, user.name, key, fingerprint}, ToUser);
    if (!created.ok()) return created.status();
    if (*created) return CreatedUser{**std::move(created), false};
    if (!key) return AddressTaken();

    absl::StatusOr<std::optional<EarlierUser>> earlier =
        pool_.FindRow(call, kFindCreatedUser, {key}, ToEarlierUser);
    if (!earlier.ok()) return earlier.status();
    if (!*earlier) return AddressTaken();
    if ((*earlier)->fingerprint != *fingerprint) {
      return WithReason(
          absl::FailedPreconditionError("the idempotency key was used for another user"),
          "IDEMPOTENCY_KEY_REUSED");
    }
    return CreatedUser{std::move((*earlier)->user), true};
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

  absl::StatusOr<UserRecord> Update(const CallContext& call, UserId id,
                                    const UserChange& change) override {
    absl::StatusOr<std::optional<UserRecord>> user =
        pool_.FindRow(call, kUpdateUser, {id.value(), change.email, change.name}, ToUser);
    // The address is the only unique value that a change can touch.
    if (absl::IsAlreadyExists(user.status())) return AddressTaken();
    if (!user.ok()) return user.status();
    if (!*user) return NoSuchUser(id);
    return **std::move(user);
  }

  absl::Status Delete(const CallContext& call, UserId id) override {
    const absl::StatusOr<std::int64_t> deleted = pool_.Execute(call, kDeleteUser, {id.value()});
    if (!deleted.ok()) return deleted.status();
    return *deleted == 0 ? NoSuchUser(id) : absl::OkStatus();
  }

 private:
  PostgresPool& pool_;
};

}  // namespace

absl::Status NoSuchUser(UserId id) {
  return absl::NotFoundError(StrCat("there is no user ", id.value()));
}

std::unique_ptr<UserRepository> MakeUserRepository(PostgresPool& pool) {
  return std::make_unique<PostgresUserRepository>(pool);
}

}  // namespace scaleout::user
