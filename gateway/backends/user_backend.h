// The gateway's view of the user service: plain verbs, one coroutine each.
//
// Every verb resumes on the request's own loop and never outlasts the request's deadline. Errors
// are the service's statuses, or the call's own: DEADLINE_EXCEEDED, UNAVAILABLE, CANCELLED (the
// client is gone).
#ifndef SCALEOUT_GATEWAY_BACKENDS_USER_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_USER_BACKEND_H_

#include <memory>

#include "absl/status/statusor.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "scaleout/user/v1/user.pb.h"

namespace scaleout::gateway {

struct Backend;

class UserBackend {
 public:
  virtual ~UserBackend() = default;

  virtual Task<absl::StatusOr<user::v1::CreateUserResponse>> CreateUser(
      RequestContext& context, user::v1::CreateUserRequest request) = 0;
  virtual Task<absl::StatusOr<user::v1::GetUserResponse>> GetUser(
      RequestContext& context, user::v1::GetUserRequest request) = 0;
  virtual Task<absl::StatusOr<user::v1::ListUsersResponse>> ListUsers(
      RequestContext& context, user::v1::ListUsersRequest request) = 0;
  virtual Task<absl::StatusOr<user::v1::UpdateUserResponse>> UpdateUser(
      RequestContext& context, user::v1::UpdateUserRequest request) = 0;
  virtual Task<absl::StatusOr<user::v1::DeleteUserResponse>> DeleteUser(
      RequestContext& context, user::v1::DeleteUserRequest request) = 0;
};

// Calls the service through `backend`, which outlives the result.
std::unique_ptr<UserBackend> MakeUserBackend(Backend& backend);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_USER_BACKEND_H_
