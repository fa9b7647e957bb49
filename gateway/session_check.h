// The question behind the view of sessions (auth/session_view.h): one session, asked of the user
// service, together with those of other requests.
#ifndef SCALEOUT_GATEWAY_SESSION_CHECK_H_
#define SCALEOUT_GATEWAY_SESSION_CHECK_H_

#include "gateway/auth/session_view.h"
#include "gateway/backends/session_backend.h"

namespace scaleout::gateway {

// An answer that is none of ours is an error, as every error is: the session is then unknown.
// `backend` outlives the result.
AskSession MakeSessionCheck(const SessionBackend& backend);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_SESSION_CHECK_H_
