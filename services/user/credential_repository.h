// The credentials' table, as plain structs: who can log in, with which hash of a password. All of
// its SQL is in the .cc.
//
// A hash is never logged and in no status. Methods take the call on whose behalf they work and also
// return the pool's statuses. A user is created with its event (user_events.h) and its credential,
// or not at all. Implementations are thread-safe.
#ifndef SCALEOUT_SERVICES_USER_CREDENTIAL_REPOSITORY_H_
#define SCALEOUT_SERVICES_USER_CREDENTIAL_REPOSITORY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/user/session_id.h"
#include "services/user/user_repository.h"

namespace scaleout {
class Outbox;
class PostgresPool;
}  // namespace scaleout

namespace scaleout::user {

struct Credential {
  UserId user;
  std::string password_hash;
  std::int64_t changes = 0;  // of the password
};

struct NewAccount {
  std::string email;
  std::string name;
  std::string password_hash;
};

class CredentialRepository {
 public:
  virtual ~CredentialRepository() = default;

  // Of the user with that address, whatever its case; nothing if there is none, or it has no
  // password. One statement either way.
  virtual absl::StatusOr<std::optional<Credential>> Find(const CallContext& call,
                                                         const std::string& email) = 0;
  // A customer. ALREADY_EXISTS if the address is taken.
  virtual absl::StatusOr<UserRecord> Register(const CallContext& call,
                                              const NewAccount& account) = 0;
  // An admin. FAILED_PRECONDITION if there is one; ALREADY_EXISTS if the address is taken.
  virtual absl::StatusOr<UserRecord> CreateFirstAdmin(const CallContext& call,
                                                      const NewAccount& account) = 0;
  // Of the user with that address, who may have had none. Ends the user's sessions, and answers
  // which are to be published (revocations.h). NOT_FOUND.
  virtual absl::StatusOr<std::vector<SessionId>> SetPassword(const CallContext& call,
                                                             const std::string& email,
                                                             const std::string& password_hash) = 0;
};

// `pool`, which is the outbox's too, and `outbox` must outlive the repository.
std::unique_ptr<CredentialRepository> MakeCredentialRepository(PostgresPool& pool, Outbox& outbox);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_CREDENTIAL_REPOSITORY_H_
