// /api/users: the user service over HTTP.
//
// Each handler parses, asks and renders (ask_backend.h); what a field may hold is the contract's
// (user_limits.h), and every field that is wrong is listed in one answer (422). Get, Update and
// Delete answer 404 for a user that there is not, Create and Update 409 for an e-mail address that
// is taken. Stateless apart from the injected parts, which outlive it, and hence shared by all
// loops.
#ifndef SCALEOUT_GATEWAY_HANDLERS_USER_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_USER_HANDLERS_H_

#include "absl/status/statusor.h"
#include "gateway/auth/login_rate_limit.h"
#include "gateway/backends/user_backend.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class UserHandlers {
 public:
  UserHandlers(UserBackend& users, LoginRateLimit& rates) : users_(users), rates_(rates) {}

  // Public profiles, without e-mail addresses.
  Task<absl::StatusOr<Response>> List(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Create(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Get(RequestContext& context, const Request& request);
  // Changes the fields that are present. 403 for a role where an admin does not ask; 429 for too
  // many e-mail addresses, because an answer says which are taken.
  Task<absl::StatusOr<Response>> Update(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Delete(RequestContext& context, const Request& request);

 private:
  Task<absl::StatusOr<Response>> UpdateCharged(RequestContext& context,
                                               user::v1::UpdateUserRequest ask);

  UserBackend& users_;
  LoginRateLimit& rates_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_USER_HANDLERS_H_
