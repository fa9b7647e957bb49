// Writes that happen once for each idempotency key, however often they are asked for, as the IETF's
// draft "The Idempotency-Key HTTP Header Field" has it.
//
//   const absl::StatusOr<bool> replayed = writes.Run(call, key, answer, [&](PostgresSession& s) {
//     ... creates, and fills `answer` ...
//   });
//
// The key, what the write creates and its events are committed in one transaction, with the answer:
// a repeated call is given that same answer, whatever has become of what was created. A write that
// fails leaves no trace, and the key is free again. Of concurrent calls with one key the first
// writes, and the others wait for its end, milliseconds, and are given its answer. Keys are kept
// for kIdempotencyKeyLife (idempotency_purge.h), each principal's and each route's apart.
//
// Payments, whose write is more than one transaction, have their keys elsewhere
// (services/order/reservation_repository.h). Implementations are thread-safe.
#ifndef SCALEOUT_SERVICE_IDEMPOTENCY_IDEMPOTENT_WRITES_H_
#define SCALEOUT_SERVICE_IDEMPOTENCY_IDEMPOTENT_WRITES_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/principal.h"
#include "postgres/postgres_session.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace scaleout {

class Outbox;

inline constexpr std::chrono::hours kIdempotencyKeyLife{24};

struct IdempotencyKey {
  Principal principal;
  std::string_view route;   // the RPC's name
  std::string key;          // the client's; empty: none, and the write is a plain transaction
  std::string fingerprint;  // of what was asked for, without the key
};

// "user 7", "lab": as tables have it. A role may change between a call and its repetition.
std::string PrincipalKey(const Principal& principal);

// What is answered for a key that was used for something else: FAILED_PRECONDITION with reason
// IDEMPOTENCY_KEY_REUSED.
absl::Status KeyReused();

class IdempotentWrites {
 public:
  virtual ~IdempotentWrites() = default;

  // Whether `answer` is an earlier call's. KeyReused(); NOT_FOUND if what the key created has been
  // deleted (ForgetCreated); what `write` returns, and the pool's statuses. After an error `answer`
  // is undefined. `write` answers the id of what it created, and may run only once.
  using Write = std::function<absl::StatusOr<std::int64_t>(PostgresSession&)>;
  virtual absl::StatusOr<bool> Run(const CallContext& call, const IdempotencyKey& key,
                                   google::protobuf::Message& answer, const Write& write) = 0;
};

// `outbox` must outlive the result.
std::unique_ptr<IdempotentWrites> MakeIdempotentWrites(Outbox& outbox);

// Deletes the stored answers about something that is deleted in the same transaction: they may have
// personal data. Their keys stay, so that a late repetition does not create it again.
absl::Status ForgetCreated(PostgresSession& session, std::string_view route, std::int64_t id);

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_IDEMPOTENCY_IDEMPOTENT_WRITES_H_
