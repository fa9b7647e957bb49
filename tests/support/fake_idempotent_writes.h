// Keys and stored answers in memory, for tests of what works over IdempotentWrites.
//
// Writes run without a database: the session that they get refuses every statement, which a fake
// repository does not make. Used by one thread.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_IDEMPOTENT_WRITES_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_IDEMPOTENT_WRITES_H_

#include <google/protobuf/message.h>

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "service/idempotency/idempotent_writes.h"

namespace scaleout::testing {

class NoSession final : public PostgresSession {
 private:
  absl::StatusOr<std::int64_t> Run(const PostgresStatement&, PostgresParams,
                                   PostgresRowReader) override {
    return absl::InternalError("this test has no database");
  }
};

class FakeIdempotentWrites final : public IdempotentWrites {
 public:
  absl::StatusOr<bool> Run(const CallContext&, const IdempotencyKey& wanted,
                           google::protobuf::Message& answer, const Write& write) override {
    key = wanted;
    const auto id = std::tuple(PrincipalKey(key.principal), std::string(key.route), key.key);
    if (const auto found = answers_.find(id); found != answers_.end()) {
      if (found->second.fingerprint != key.fingerprint) return KeyReused();
      answer.ParseFromString(found->second.answer);
      return true;
    }
    NoSession session;
    const absl::StatusOr<std::int64_t> created = write(session);
    if (!created.ok()) return created.status();
    created_id = *created;
    if (!key.key.empty()) answers_[id] = {key.fingerprint, answer.SerializeAsString()};
    return false;
  }

  IdempotencyKey key;           // of the last call
  std::int64_t created_id = 0;  // by the last write

 private:
  struct Stored {
    std::string fingerprint;
    std::string answer;
  };
  std::map<std::tuple<std::string, std::string, std::string>, Stored> answers_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_IDEMPOTENT_WRITES_H_
