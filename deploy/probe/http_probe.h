// Asks an HTTP server for a page and looks at the status line only.
#ifndef SCALEOUT_DEPLOY_PROBE_HTTP_PROBE_H_
#define SCALEOUT_DEPLOY_PROBE_HTTP_PROBE_H_

#include <chrono>
#include <string>

#include "absl/status/status.h"

namespace scaleout {

// `address` is "HOST:PORT/PATH". OK for 200 to 299; UNAVAILABLE for another status, no connection,
// or no answer in time; INVALID_ARGUMENT for an address of another shape.
absl::Status ProbeHttp(const std::string& address, std::chrono::milliseconds timeout);

}  // namespace scaleout

#endif  // SCALEOUT_DEPLOY_PROBE_HTTP_PROBE_H_
