#include "gateway/session_check.h"

#include <utility>

namespace scaleout::gateway {
namespace {

using SessionKey = user::v1::CheckSessionsRequest::Key;
using SessionEntry = user::v1::CheckSessionsResponse::Entry;

Task<absl::StatusOr<bool>> TakeAlive(Task<absl::StatusOr<SessionEntry>> asking) {
  const absl::StatusOr<SessionEntry> answer = co_await asking;
  if (!answer.ok()) co_return answer.status();
  if (!answer->has_alive()) co_return absl::InternalError("The answer about a session is none.");
  co_return answer->alive();
}

}  // namespace

AskSession MakeSessionCheck(const SessionBackend& backend) {
  return [&backend](RequestContext& context, const VerifiedToken& token) {
    SessionKey key;
    key.set_session_id(token.session_id);
    key.set_user_id(token.principal.user_id);
    key.set_role(token.principal.IsAdmin() ? rpc::v1::ROLE_ADMIN : rpc::v1::ROLE_CUSTOMER);
    return TakeAlive(backend.CheckSession(context, std::move(key)));
  };
}

}  // namespace scaleout::gateway
