// Whether a session lives, by what the gateway knows itself where that can be trusted
// (revocation_follower.h), else by what the user service says.
//
//   the follower knows            its answer, which costs no call
//   the service was asked lately  that answer, for kSessionAnswerLife from the asking
//   else                          the service is asked; where it does not answer, an error
//
// So an ended session is refused within a second of its end, or nothing is said of it: never
// "alive" because something is away.
#ifndef SCALEOUT_GATEWAY_AUTH_REVOCATION_SESSION_VIEW_H_
#define SCALEOUT_GATEWAY_AUTH_REVOCATION_SESSION_VIEW_H_

#include <cstddef>
#include <memory>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/auth/revocation_follower.h"
#include "gateway/auth/session_view.h"

namespace scaleout::gateway {

// `follower` is null without a redis-state: the service is asked then. `ask` is for all of `loops`
// loops. The references outlive the view.
std::unique_ptr<SessionView> MakeRevocationSessionView(const RevocationFollower* follower,
                                                       AskSession ask, std::size_t loops,
                                                       const Clock& clock, Metrics& metrics);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_REVOCATION_SESSION_VIEW_H_
