#include "service/idempotency/idempotent_writes.h"

#include <google/protobuf/message.h>

#include <optional>
#include <utility>

#include "common/status.h"
#include "common/str_cat.h"
#include "proto/scaleout/rpc/v1/message_json.h"
#include "service/events/outbox.h"

namespace scaleout {
namespace {

// Waits for a concurrent transaction with the key. Inserts nothing if that was committed.
constexpr PostgresStatement kTakeKey = {
    "take_idempotency_key",
    "INSERT INTO idempotency_keys (principal, route, key, fingerprint) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT DO NOTHING"};

constexpr PostgresStatement kFindAnswer = {
    "find_idempotent_answer",
    "SELECT fingerprint, coalesce(answer, '') AS answer, coalesce(created_id, 0) AS created_id"
    " FROM idempotency_keys WHERE principal = $1 AND route = $2 AND key = $3"};

constexpr PostgresStatement kStoreAnswer = {
    "store_idempotent_answer",
    "UPDATE idempotency_keys SET answer = $4, created_id = $5"
    " WHERE principal = $1 AND route = $2 AND key = $3"};

constexpr PostgresStatement kForgetCreated = {
    "forget_idempotent_answers",
    "UPDATE idempotency_keys SET answer = NULL WHERE route = $1 AND created_id = $2"};

struct StoredAnswer {
  std::string fingerprint;
  std::string answer;
  std::int64_t created_id = 0;
};

StoredAnswer ToStoredAnswer(const PostgresRow& row) {
  return {row.Text("fingerprint"), row.Text("answer"), row.Int64("created_id")};
}

class PostgresIdempotentWrites final : public IdempotentWrites {
 public:
  explicit PostgresIdempotentWrites(Outbox& outbox) : outbox_(outbox) {}

  absl::StatusOr<bool> Run(const CallContext& call, const IdempotencyKey& key,
                           google::protobuf::Message& answer, const Write& write) override {
    bool replayed = false;
    const absl::Status status =
        outbox_.Transact(call, [&](PostgresSession& session) -> absl::Status {
          if (key.key.empty()) return write(session).status();
          const absl::StatusOr<std::int64_t> taken = session.Execute(
              kTakeKey,
              {PrincipalKey(key.principal), std::string(key.route), key.key, key.fingerprint});
          if (!taken.ok()) return taken.status();
          replayed = *taken == 0;
          return replayed ? Replay(session, key, answer) : WriteOnce(session, key, answer, write);
        });
    if (!status.ok()) return status;
    return replayed;
  }

 private:
  static absl::Status WriteOnce(PostgresSession& session, const IdempotencyKey& key,
                                const google::protobuf::Message& answer, const Write& write) {
    const absl::StatusOr<std::int64_t> created_id = write(session);
    if (!created_id.ok()) return created_id.status();
    return session
        .Execute(kStoreAnswer, {PrincipalKey(key.principal), std::string(key.route), key.key,
                                rpc::v1::ToJson(answer), *created_id})
        .status();
  }

  static absl::Status Replay(PostgresSession& session, const IdempotencyKey& key,
                             google::protobuf::Message& answer) {
    const absl::StatusOr<std::optional<StoredAnswer>> found =
        session.FindRow(kFindAnswer, {PrincipalKey(key.principal), std::string(key.route), key.key},
                        ToStoredAnswer);
    if (!found.ok()) return found.status();
    // The purge has deleted it since; the client may repeat.
    if (!*found) return absl::AbortedError("the idempotency key has just expired");
    const StoredAnswer& stored = **found;
    if (stored.fingerprint != key.fingerprint) return KeyReused();
    if (stored.answer.empty()) {
      return absl::NotFoundError(StrCat("what was created with this idempotency key, ",
                                        stored.created_id, ", has been deleted"));
    }
    if (!rpc::v1::ParseJson(stored.answer, answer).ok()) {
      return absl::InternalError("a stored answer cannot be read");
    }
    return absl::OkStatus();
  }

  Outbox& outbox_;
};

}  // namespace

std::string PrincipalKey(const Principal& principal) {
  if (principal.lab) return "lab";
  return StrCat("user ", principal.user_id);
}

absl::Status KeyReused() {
  return WithReason(
      absl::FailedPreconditionError("the idempotency key was used for another request"),
      "IDEMPOTENCY_KEY_REUSED");
}

std::unique_ptr<IdempotentWrites> MakeIdempotentWrites(Outbox& outbox) {
  return std::make_unique<PostgresIdempotentWrites>(outbox);
}

absl::Status ForgetCreated(PostgresSession& session, std::string_view route, std::int64_t id) {
  return session.Execute(kForgetCreated, {std::string(route), id}).status();
}

}  // namespace scaleout
