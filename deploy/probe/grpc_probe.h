// Asks a gRPC server for its health (grpc.health.v1.Health/Check), once.
#ifndef SCALEOUT_DEPLOY_PROBE_GRPC_PROBE_H_
#define SCALEOUT_DEPLOY_PROBE_GRPC_PROBE_H_

#include <chrono>
#include <string>

#include "absl/status/status.h"

namespace scaleout {

// OK if `service` (empty: the server as a whole) is SERVING; UNAVAILABLE if it says anything else;
// NOT_FOUND if the server does not know it; the call's own error if there was no answer in time.
absl::Status ProbeGrpc(const std::string& target, const std::string& service,
                       std::chrono::milliseconds timeout);

}  // namespace scaleout

#endif  // SCALEOUT_DEPLOY_PROBE_GRPC_PROBE_H_
