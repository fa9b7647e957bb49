#include "gateway/session_check.h"

#include <utility>

namespace scaleout::gateway {
namespace {

Task<absl::StatusOr<bool>> Check(AuthBackend& auth, RequestContext& context,
                                 user::v1::CheckSessionsRequest ask) {
  Task<absl::StatusOr<user::v1::CheckSessionsResponse>> asking =
      auth.CheckSessions(context, std::move(ask));
  const absl::StatusOr<user::v1::CheckSessionsResponse> answer = co_await asking;
  if (!answer.ok()) co_return answer.status();
  if (answer->entries_size() != 1 || !answer->entries(0).has_alive()) {
    co_return absl::InternalError("The answer about a session is none.");
  }
  co_return answer->entries(0).alive();
}

}  // namespace

AskSession MakeSessionCheck(AuthBackend& auth) {
  return [&auth](RequestContext& context, const VerifiedToken& token) {
    user::v1::CheckSessionsRequest ask;
    user::v1::CheckSessionsRequest::Key& key = *ask.add_keys();
    key.set_session_id(token.session_id);
    key.set_user_id(token.principal.user_id);
    key.set_role(token.principal.IsAdmin() ? rpc::v1::ROLE_ADMIN : rpc::v1::ROLE_CUSTOMER);
    return Check(auth, context, std::move(ask));
  };
}

}  // namespace scaleout::gateway
