// What each RPC of scaleout.user.v1.UserService does: validate, ask the repository, map. No SQL and
// no gRPC.
//
// An RPC fills its response and returns OK, or returns a status and leaves the response as it was.
// UNAUTHENTICATED without a principal (service/principal.h), of a batch for the key that has none;
// a list is public. A user's owner is the user, so that another's is NOT_FOUND without looking.
// INVALID_ARGUMENT names every refused field by its path in the contract; all other errors are the
// repository's. What ends sessions is answered once the gateways know of it (revocations.h). A
// batch read is one statement (service/batch_keys.h). Thread-safe if the repository is.
#ifndef SCALEOUT_SERVICES_USER_USER_SERVICE_H_
#define SCALEOUT_SERVICES_USER_USER_SERVICE_H_

#include "absl/status/status.h"
#include "common/call_context.h"
#include "scaleout/user/v1/user.pb.h"
#include "service/idempotency/idempotent_writes.h"
#include "services/user/revocations.h"
#include "services/user/user_repository.h"

namespace scaleout::user {

class UserService {
 public:
  // All must outlive the service.
  UserService(UserRepository& repository, IdempotentWrites& writes, Revocations& revocations)
      : repository_(repository), writes_(writes), revocations_(revocations) {}

  absl::Status CreateUser(const CallContext& call, const v1::CreateUserRequest& request,
                          v1::CreateUserResponse& response);
  absl::Status GetUser(const CallContext& call, const v1::GetUserRequest& request,
                       v1::GetUserResponse& response);
  absl::Status BatchGetUsers(const CallContext& call, const v1::BatchGetUsersRequest& request,
                             v1::BatchGetUsersResponse& response);
  absl::Status ListUsers(const CallContext& call, const v1::ListUsersRequest& request,
                         v1::ListUsersResponse& response);
  absl::Status UpdateUser(const CallContext& call, const v1::UpdateUserRequest& request,
                          v1::UpdateUserResponse& response);
  absl::Status DeleteUser(const CallContext& call, const v1::DeleteUserRequest& request,
                          v1::DeleteUserResponse& response);

 private:
  UserRepository& repository_;
  IdempotentWrites& writes_;
  Revocations& revocations_;
};

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_USER_SERVICE_H_
