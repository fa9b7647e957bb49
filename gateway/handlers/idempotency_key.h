// The Idempotency-Key header (IETF draft-ietf-httpapi-idempotency-key-header), taken as it is; what
// it may hold is every contract's rule (request_limits.h).
//
// A malformed key, more than one, or none where it is required, is INVALID_ARGUMENT without fields
// (400) if it is all that is wrong; beside refused fields it is listed with them (422). Of two keys
// neither is taken, not even where they are the same: between here and the client another may have
// read the other one. Pure.
#ifndef SCALEOUT_GATEWAY_HANDLERS_IDEMPOTENCY_KEY_H_
#define SCALEOUT_GATEWAY_HANDLERS_IDEMPOTENCY_KEY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/http/message.h"
#include "gateway/json/json_reader.h"
#include "gateway/json/query_reader.h"

namespace scaleout::gateway {

// Empty if the request has none.
absl::StatusOr<std::string> FindIdempotencyKey(const Request& request);
absl::StatusOr<std::string> RequireIdempotencyKey(const Request& request);

// After all was asked for: OK, or everything that is wrong with a request that creates. `key` is
// what one of the functions above answered.
absl::Status CheckCreation(QueryReader& query, const absl::Status& key, JsonBody& body);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_IDEMPOTENCY_KEY_H_
