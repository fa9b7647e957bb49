#include "services/user/revocation_store.h"

#include "postgres/postgres_pool.h"
#include "services/user/ended_sessions.h"

namespace scaleout::user {
namespace {

constexpr PostgresStatement kFindUnpublished = {
    "find_unpublished_revocations",
    "SELECT " SESSION_ID("id") " FROM sessions WHERE revoked_at IS NOT NULL AND NOT published"
                               " ORDER BY revoked_at, id LIMIT $1"};

constexpr PostgresStatement kMarkPublished = {
    "mark_revocations_published",
    "UPDATE sessions SET published = true"
    " WHERE id = ANY($1::uuid[]) AND revoked_at IS NOT NULL AND NOT published"};

constexpr PostgresStatement kReadFigures = {
    "read_revocation_figures",
    "SELECT count(*) AS pending,"
    " coalesce(date_part('epoch', now() - min(revoked_at)) * 1000000, 0)::bigint AS oldest_age_us"
    " FROM (SELECT revoked_at FROM sessions WHERE revoked_at IS NOT NULL AND NOT published"
    " ORDER BY revoked_at, id LIMIT $1) AS unpublished"};

RevocationFigures ToFigures(const PostgresRow& row) {
  return {.pending = row.Int64("pending"),
          .oldest_age_seconds = static_cast<double>(row.Int64("oldest_age_us")) / 1e6};
}

class PostgresRevocationStore final : public RevocationStore {
 public:
  explicit PostgresRevocationStore(PostgresPool& pool) : pool_(pool) {}

  absl::StatusOr<std::vector<SessionId>> FindUnpublished(const CallContext& call,
                                                         std::int32_t limit) override {
    return pool_.Query(call, kFindUnpublished, {limit}, ToSessionId);
  }

  absl::Status MarkPublished(const CallContext& call, const std::vector<SessionId>& ids) override {
    if (ids.empty()) return absl::OkStatus();
    return pool_.Execute(call, kMarkPublished, {ToValues(ids)}).status();
  }

  absl::StatusOr<RevocationFigures> ReadFigures(const CallContext& call) override {
    const absl::StatusOr<std::optional<RevocationFigures>> figures =
        pool_.FindRow(call, kReadFigures, {kMaxCountedRevocations}, ToFigures);
    if (!figures.ok()) return figures.status();
    return figures->value_or(RevocationFigures());
  }

 private:
  PostgresPool& pool_;
};

}  // namespace

std::unique_ptr<RevocationStore> MakeRevocationStore(PostgresPool& pool) {
  return std::make_unique<PostgresRevocationStore>(pool);
}

}  // namespace scaleout::user
