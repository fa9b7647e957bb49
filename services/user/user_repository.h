// The users' table, as plain structs. All of its SQL is in the .cc.
//
// Every method takes the call on whose behalf it works and returns its statuses, and the pool's:
// UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED. A unique index decides about addresses, compared
// without regard to case, so that concurrent calls cannot both create a user with one.
// A creation, a change and a deletion are committed with their events (user_events.h).
// E-mail addresses are personal data: no status and no log line has one. Implementations are
// thread-safe.
#ifndef SCALEOUT_SERVICES_USER_USER_REPOSITORY_H_
#define SCALEOUT_SERVICES_USER_USER_REPOSITORY_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/principal.h"
#include "service/typed_id.h"
#include "services/user/session_id.h"

namespace scaleout {
class Outbox;
class PostgresPool;
class PostgresSession;
}  // namespace scaleout

namespace scaleout::user {

using UserId = TypedId<struct UserIdTag>;

// Of the idempotency keys under which users are created (service/idempotency).
inline constexpr std::string_view kCreateUserRoute = "CreateUser";

// One user as it is stored. Times are UTC.
struct UserRecord {
  UserId id;
  std::string email;
  std::string name;
  Role role = Role::kCustomer;
  WallTime created_at;
  WallTime updated_at;
};

struct NewUser {
  std::string email;
  std::string name;
};

// What is absent stays as it is.
struct UserChange {
  std::optional<std::string> email;
  std::optional<std::string> name;
  std::optional<Role> role = std::nullopt;
};

struct ChangedUser {
  UserRecord user;
  // Sessions of the user that have ended and that not every gateway knows of (revocations.h).
  std::vector<SessionId> ended = {};
};

// What is answered for the id of a user that does not exist: NOT_FOUND.
absl::Status NoSuchUser(UserId id);
// And for an address that belongs to another user: ALREADY_EXISTS.
absl::Status AddressTaken();

class UserRepository {
 public:
  virtual ~UserRepository() = default;

  // In the caller's transaction. ALREADY_EXISTS if the address is taken.
  virtual absl::StatusOr<UserRecord> Create(PostgresSession& session, const NewUser& user) = 0;
  // NOT_FOUND.
  virtual absl::StatusOr<UserRecord> Get(const CallContext& call, UserId id) = 0;
  // Those that exist, in no order; one statement. Each of `ids` occurs once.
  virtual absl::StatusOr<std::vector<UserRecord>> FindMany(const CallContext& call,
                                                           const std::vector<UserId>& ids) = 0;
  // Newest first, from below `before` (none: from the newest), at most `limit`.
  virtual absl::StatusOr<std::vector<UserRecord>> List(const CallContext& call,
                                                       std::optional<UserId> before, int limit) = 0;
  // NOT_FOUND, ALREADY_EXISTS. Another role ends the user's sessions, in the same transaction.
  virtual absl::StatusOr<ChangedUser> Update(const CallContext& call, UserId id,
                                             const UserChange& change) = 0;
  // NOT_FOUND. Ends the user's sessions, in the same transaction, and deletes what is stored of the
  // user under kCreateUserRoute; answers as ChangedUser::ended.
  virtual absl::StatusOr<std::vector<SessionId>> Delete(const CallContext& call, UserId id) = 0;
};

// `pool`, which is the outbox's too, and `outbox` must outlive the repository.
std::unique_ptr<UserRepository> MakeUserRepository(PostgresPool& pool, Outbox& outbox);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_USER_REPOSITORY_H_
