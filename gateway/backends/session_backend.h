// The gateway's view of sessions that the user service owns: whether one is alive, and which ones
// have ended lately. Verbs as those of the other typed backends; the service is asked about many
// sessions with one call (coalescer.h).
#ifndef SCALEOUT_GATEWAY_BACKENDS_SESSION_BACKEND_H_
#define SCALEOUT_GATEWAY_BACKENDS_SESSION_BACKEND_H_

#include "gateway/backends/verb.h"
#include "scaleout/user/v1/auth.pb.h"

namespace scaleout::gateway {

struct Backend;
struct CoalescingParts;

struct SessionBackend {
  // The answer has `alive`.
  Verb<user::v1::CheckSessionsRequest::Key, user::v1::CheckSessionsResponse::Entry> CheckSession;
  Verb<user::v1::ListRevocationsRequest, user::v1::ListRevocationsResponse> ListRevocations;
};

// Calls the user service through `users`, which outlives the result.
SessionBackend MakeSessionBackend(Backend& users, const CoalescingParts* coalescing = nullptr);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_SESSION_BACKEND_H_
