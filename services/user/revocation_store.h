// Which sessions' ends redis-state has not acknowledged yet (sessions.published), for the relay
// that publishes them. All of its SQL is in the .cc. Thread-safe.
#ifndef SCALEOUT_SERVICES_USER_REVOCATION_STORE_H_
#define SCALEOUT_SERVICES_USER_REVOCATION_STORE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/user/session_id.h"

namespace scaleout {
class PostgresPool;
}  // namespace scaleout

namespace scaleout::user {

struct RevocationFigures {
  std::int64_t pending = 0;  // up to kMaxCountedRevocations
  double oldest_age_seconds = 0;
};

inline constexpr std::int32_t kMaxCountedRevocations = 10'000;

class RevocationStore {
 public:
  virtual ~RevocationStore() = default;

  // The oldest ones, at most `limit`.
  virtual absl::StatusOr<std::vector<SessionId>> FindUnpublished(const CallContext& call,
                                                                 std::int32_t limit) = 0;
  virtual absl::Status MarkPublished(const CallContext& call,
                                     const std::vector<SessionId>& ids) = 0;
  virtual absl::StatusOr<RevocationFigures> ReadFigures(const CallContext& call) = 0;
};

// `pool` must outlive the store.
std::unique_ptr<RevocationStore> MakeRevocationStore(PostgresPool& pool);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_REVOCATION_STORE_H_
