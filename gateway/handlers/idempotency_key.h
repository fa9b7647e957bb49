// The Idempotency-Key header (IETF draft-ietf-httpapi-idempotency-key-header): 1 to 200 printable
// ASCII characters, taken as they are. A malformed key, or a missing one where it is required, is
// INVALID_ARGUMENT without fields (400). Pure.
#ifndef SCALEOUT_GATEWAY_HANDLERS_IDEMPOTENCY_KEY_H_
#define SCALEOUT_GATEWAY_HANDLERS_IDEMPOTENCY_KEY_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/http/message.h"

namespace scaleout::gateway {

inline constexpr std::size_t kMaxIdempotencyKeyBytes = 200;

// Empty if the request has none.
absl::StatusOr<std::string> FindIdempotencyKey(const Request& request);
absl::StatusOr<std::string> RequireIdempotencyKey(const Request& request);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_IDEMPOTENCY_KEY_H_
