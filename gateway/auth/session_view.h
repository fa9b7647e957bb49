// Whether the session of a token still lives: what the authenticator asks for every request with a
// token, after the token itself has been verified.
//
// A session ends by a logout, a reused refresh token, the deletion of its user or a change of the
// role, while its access tokens would be valid for minutes. "I do not know" is an error and never
// "alive". All loops ask at once; an answer resumes on the request's own loop.
#ifndef SCALEOUT_GATEWAY_AUTH_SESSION_VIEW_H_
#define SCALEOUT_GATEWAY_AUTH_SESSION_VIEW_H_

#include <functional>

#include "absl/status/statusor.h"
#include "gateway/auth/verified_token.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class SessionView {
 public:
  virtual ~SessionView() = default;

  // An error if it is not known now: UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED and the like. The
  // context and the token outlive the task.
  virtual Task<absl::StatusOr<bool>> IsAlive(RequestContext& context,
                                             const VerifiedToken& token) = 0;
};

// Asks the service that owns sessions about one of them, as SessionView::IsAlive answers.
using AskSession =
    std::function<Task<absl::StatusOr<bool>>(RequestContext& context, const VerifiedToken& token)>;

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_SESSION_VIEW_H_
