// The door from a status to HTTP: an RFC 9457 problem document for every error, of the
// gateway or of a service.
//
// gRPC codes map as grpc-gateway maps them, with refinements: INVALID_ARGUMENT that names fields is
// 422, a FAILED_PRECONDITION whose reason is about payments is 409, a used idempotency key 422. A
// reason on the status (common/status.h) picks the problem's type ("CIRCUIT_OPEN" is
// /problems/circuit-open) while its facts become members. `retryAfterMs` among the facts becomes
// Retry-After, rounded up to at least a second; what passes by itself has that header even if the
// service did not say when. A 401 says how to authenticate, and whether a token was refused; a 403
// for the token's role says that (WWW-Authenticate, RFC 6750, section 3).
#ifndef SCALEOUT_GATEWAY_HTTP_PROBLEM_H_
#define SCALEOUT_GATEWAY_HTTP_PROBLEM_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/http/message.h"

namespace scaleout::gateway {

// The HTTP status of an error.
int HttpStatusOf(const absl::Status& status);

// Always valid UTF-8. `instance` is the request's path, `request_id` its X-Request-Id.
Response RenderProblem(const absl::Status& status, std::string_view instance,
                       std::string_view request_id);

// For errors that have no gRPC code of their own: 404 for an unknown route, 405, 411, 413, 415, 431
// and the like. Put on a status, this HTTP status wins over the code's.
absl::Status HttpError(int http_status, std::string_view detail);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_PROBLEM_H_
