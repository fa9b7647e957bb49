// The gateway's view of the user service: one verb (verb.h) for each RPC.
//
// Whether an RPC may be repeated is said in the .cc.
#ifndef SCALEOUT_GATEWAY_BACKENDS_USER_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_USER_BACKEND_H_

#include "gateway/backends/verb.h"
#include "scaleout/user/v1/user.pb.h"

namespace scaleout::gateway {

struct Backend;
struct CoalescingParts;

struct UserBackend {
  Verb<user::v1::CreateUserRequest, user::v1::CreateUserResponse> CreateUser;
  Verb<user::v1::GetUserRequest, user::v1::GetUserResponse> GetUser;
  Verb<user::v1::ListUsersRequest, user::v1::ListUsersResponse> ListUsers;
  Verb<user::v1::UpdateUserRequest, user::v1::UpdateUserResponse> UpdateUser;
  Verb<user::v1::DeleteUserRequest, user::v1::DeleteUserResponse> DeleteUser;
};

// Calls the service through `backend`, which outlives the result. With `coalescing` the reads that
// have a batch RPC are coalesced (coalescer.h).
UserBackend MakeUserBackend(Backend& backend, const CoalescingParts* coalescing = nullptr);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_USER_BACKEND_H_
