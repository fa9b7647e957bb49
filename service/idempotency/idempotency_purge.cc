#include "service/idempotency/idempotency_purge.h"

#include "postgres/postgres_pool.h"
#include "service/idempotency/idempotent_writes.h"

namespace scaleout {
namespace {

// Rows that another replica is deleting are left to it.
constexpr PostgresStatement kPurgeKeys = {
    "purge_idempotency_keys",
    "DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency_keys"
    "  WHERE created_at < now() - $1::bigint * interval '1 second'"
    "  ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED))"};

}  // namespace

absl::StatusOr<std::int64_t> PurgeIdempotencyKeys(const CallContext& call, PostgresPool& pool,
                                                  std::int32_t most) {
  const std::chrono::seconds life = kIdempotencyKeyLife;
  return pool.Execute(call, kPurgeKeys, {std::int64_t{life.count()}, most});
}

BatchPurgeOptions IdempotencyPurge(PostgresPool& pool) {
  return {.name = "key-purge",
          .work = "deleting old idempotency keys",
          .purge = [&pool](const CallContext& call, std::int32_t most) {
            return PurgeIdempotencyKeys(call, pool, most);
          }};
}

}  // namespace scaleout
