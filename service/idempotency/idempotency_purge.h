// Deletes idempotency keys and their answers when their life is over (BatchPurge).
#ifndef SCALEOUT_SERVICE_IDEMPOTENCY_IDEMPOTENCY_PURGE_H_
#define SCALEOUT_SERVICE_IDEMPOTENCY_IDEMPOTENCY_PURGE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "service/batch_purge.h"

namespace scaleout {

class PostgresPool;

// Deletes at most `most` keys that are older than kIdempotencyKeyLife; how many it has deleted.
absl::StatusOr<std::int64_t> PurgeIdempotencyKeys(const CallContext& call, PostgresPool& pool,
                                                  std::int32_t most);

// `pool` must outlive the purge.
BatchPurgeOptions IdempotencyPurge(PostgresPool& pool);

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_IDEMPOTENCY_IDEMPOTENCY_PURGE_H_
