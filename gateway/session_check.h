// The question behind the view of sessions (auth/session_view.h): one session, asked of the user
// service.
#ifndef SCALEOUT_GATEWAY_SESSION_CHECK_H_
#define SCALEOUT_GATEWAY_SESSION_CHECK_H_

#include "gateway/auth/session_view.h"
#include "gateway/backends/auth_backend.h"

namespace scaleout::gateway {

// CheckSessions with one key. An answer that is none of ours is an error, as every error is: the
// session is then unknown. `auth` outlives the result.
AskSession MakeSessionCheck(AuthBackend& auth);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_SESSION_CHECK_H_
