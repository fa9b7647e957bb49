#include "services/user/user_repository.h"

#include <cstdint>

#include "common/checksum.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "postgres/postgres_pool.h"
#include "service/wall_time.h"

namespace scaleout::user {
namespace {

#define USER_COLUMNS                                                   \
  "id, email, name, "                                                  \
  "(extract(epoch FROM created_at) * 1000000)::bigint AS created_us, " \
  "(extract(epoch FROM updated_at) * 1000000)::bigint AS updated_us"

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

UserRecord ToUser(const pqxx::row& row) {
  UserRecord user;
  user.id = UserId(row["id"].as<std::int64_t>());
  user.email = row["email"].as<std::string>();
  user.name = row["name"].as<std::string>();
  user.created_at = WallTimeFromMicros(row["created_us"].as<std::int64_t>());
  user.updated_at = WallTimeFromMicros(row["updated_us"].as<std::int64_t>());
  return user;
}

std::vector<UserRecord> ToUsers(const pqxx::result& rows) {
  std::vector<UserRecord> users;
  users.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto& row : rows) users.push_back(ToUser(row));
  return users;
}

absl::Status NoSuchUser(UserId id) {
  return absl::NotFoundError(StrCat("there is no user ", id.value()));
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
    const absl::StatusOr<pqxx::result> created =
        pool_.Query(call, kCreateUser, {user.email, user.name, key, fingerprint});
    if (!created.ok()) return created.status();
    if (!created->empty()) return CreatedUser{ToUser(created->front()), false};
    if (!key) return AddressTaken();

    const absl::StatusOr<pqxx::result> earlier = pool_.Query(call, kFindCreatedUser, {key});
    if (!earlier.ok()) return earlier.status();
    if (earlier->empty()) return AddressTaken();
    if (earlier->front()["creation_fingerprint"].as<std::string>() != *fingerprint) {
      return WithReason(
          absl::FailedPreconditionError("the idempotency key was used for another user"),
          "IDEMPOTENCY_KEY_REUSED");
    }
    return CreatedUser{ToUser(earlier->front()), true};
  }

  absl::StatusOr<UserRecord> Get(const CallContext& call, UserId id) override {
    const absl::StatusOr<pqxx::result> rows = pool_.Query(call, kGetUser, {id.value()});
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return NoSuchUser(id);
    return ToUser(rows->front());
  }

  absl::StatusOr<std::vector<UserRecord>> FindMany(const CallContext& call,
                                                   const std::vector<UserId>& ids) override {
    std::vector<std::int64_t> values;
    values.reserve(ids.size());
    for (const UserId id : ids) values.push_back(id.value());
    const absl::StatusOr<pqxx::result> rows = pool_.Query(call, kFindUsers, {values});
    if (!rows.ok()) return rows.status();
    return ToUsers(*rows);
  }

  absl::StatusOr<std::vector<UserRecord>> List(const CallContext& call,
                                               std::optional<UserId> before, int limit) override {
    const std::int64_t below = before ? before->value() : kMaxId + 1;
    const absl::StatusOr<pqxx::result> rows = pool_.Query(call, kListUsers, {below, limit});
    if (!rows.ok()) return rows.status();
    return ToUsers(*rows);
  }

  absl::StatusOr<UserRecord> Update(const CallContext& call, UserId id,
                                    const UserChange& change) override {
    const absl::StatusOr<pqxx::result> rows =
        pool_.Query(call, kUpdateUser, {id.value(), change.email, change.name});
    // The address is the only unique value that a change can touch.
    if (absl::IsAlreadyExists(rows.status())) return AddressTaken();
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return NoSuchUser(id);
    return ToUser(rows->front());
  }

  absl::Status Delete(const CallContext& call, UserId id) override {
    const absl::StatusOr<pqxx::result> deleted = pool_.Query(call, kDeleteUser, {id.value()});
    if (!deleted.ok()) return deleted.status();
    return deleted->affected_rows() == 0 ? NoSuchUser(id) : absl::OkStatus();
  }

 private:
  PostgresPool& pool_;
};

}  // namespace

std::unique_ptr<UserRepository> MakeUserRepository(PostgresPool& pool) {
  return std::make_unique<PostgresUserRepository>(pool);
}

}  // namespace scaleout::user
