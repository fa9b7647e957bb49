#include "service/idempotency/idempotent_writes.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "common/status.h"
#include "scaleout/user/v1/user.pb.h"
#include "service/idempotency/idempotency_purge.h"
#include "services/user/schema.h"
#include "services/user/user_events.h"
#include "tests/integration/pool_fixture.h"

namespace scaleout {
namespace {

using scaleout::testing::CallFor;
using ::testing::HasSubstr;

constexpr Principal kAda{7, Role::kCustomer, false};

// Writes users, as anything that can be created.
class IdempotentWritesTest : public scaleout::testing::PoolFixture {
 protected:
  struct Result {
    bool replayed = false;
    std::int64_t id = 0;
    std::string name;
  };

  absl::StatusOr<Result> Run(const IdempotencyKey& key, const std::string& name = "Ada",
                             absl::Status failure = absl::OkStatus()) {
    user::v1::CreateUserResponse answer;
    const absl::StatusOr<bool> replayed = writes_->Run(
        call_, key, answer, [&](PostgresSession& session) -> absl::StatusOr<std::int64_t> {
          const auto ids = session.Query(kInsertUser, {name},
                                         [](const PostgresRow& row) { return row.Int64("id"); });
          if (!ids.ok()) return ids.status();
          if (!failure.ok()) return failure;
          answer.mutable_user()->set_id(ids->front());
          answer.mutable_user()->set_name(name);
          return ids->front();
        });
    if (!replayed.ok()) return replayed.status();
    return Result{*replayed, answer.user().id(), answer.user().name()};
  }

  static IdempotencyKey Key(const std::string& key = "key") {
    return {kAda, "CreateUser", key, "Ada"};
  }

  std::string Users() { return Ask("SELECT count(*) FROM users"); }
  std::string Keys() { return Ask("SELECT count(*) FROM idempotency_keys"); }

  static constexpr PostgresStatement kInsertUser = {
      "insert_user",
      "INSERT INTO users (email, name) VALUES (gen_random_uuid() || '@example.com', $1)"
      " RETURNING id"};

  const CallContext call_ = CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(user::Schema());
  Outbox outbox_{*pool_, user::PublishedStreams()};
  const std::unique_ptr<IdempotentWrites> writes_ = MakeIdempotentWrites(outbox_);
};

TEST_F(IdempotentWritesTest, AnswersARepeatedKeyWithWhatIsStored) {
  const auto first = Run(Key());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(first->replayed);
  // What has become of it since does not matter.
  Ask("UPDATE users SET name = 'Augusta'");
  const auto second = Run(Key());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->replayed);
  EXPECT_EQ(second->id, first->id);
  EXPECT_EQ(second->name, "Ada");
  EXPECT_EQ(Users(), "1");
}

TEST_F(IdempotentWritesTest, CallsWithoutAKeyWriteEachTimeAndStoreNothing) {
  for (int i = 0; i < 2; ++i) {
    const auto written = Run(Key(""));
    ASSERT_TRUE(written.ok()) << written.status();
    EXPECT_FALSE(written->replayed);
  }
  EXPECT_EQ(Users(), "2");
  EXPECT_EQ(Keys(), "0");
}

TEST_F(IdempotentWritesTest, RefusesAKeyThatWasUsedForAnotherPayload) {
  ASSERT_TRUE(Run(Key()).ok());
  IdempotencyKey other = Key();
  other.fingerprint = "Eve";
  const auto reused = Run(other, "Eve");
  EXPECT_TRUE(absl::IsFailedPrecondition(reused.status())) << reused.status();
  EXPECT_EQ(ReasonOf(reused.status()), "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(Users(), "1");
}

TEST_F(IdempotentWritesTest, KeysOfOtherPrincipalsAndOtherRoutesAreOtherKeys) {
  std::vector<IdempotencyKey> keys(4, Key());
  keys[1].principal.user_id = 8;
  keys[2].principal = kLabPrincipal;
  keys[3].route = "CreateOrder";
  std::vector<std::int64_t> created;
  for (const IdempotencyKey& key : keys) {
    const auto written = Run(key);
    ASSERT_TRUE(written.ok()) << written.status();
    EXPECT_FALSE(written->replayed);
    created.push_back(written->id);
  }
  // A change of role between two calls does not make it another.
  keys[0].principal.role = Role::kAdmin;
  const auto again = Run(keys[0]);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->id, created[0]);
  EXPECT_EQ(Users(), "4");
}

TEST_F(IdempotentWritesTest, WriteThatFailsLeavesTheKeyFree) {
  const auto failed = Run(Key(), "Ada", absl::InvalidArgumentError("no"));
  EXPECT_TRUE(absl::IsInvalidArgument(failed.status())) << failed.status();
  EXPECT_EQ(Users() + Keys(), "00");
  const auto written = Run(Key());
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_FALSE(written->replayed);
}

TEST_F(IdempotentWritesTest, OneOfManyConcurrentCallsWritesAndTheOthersGetItsAnswer) {
  const std::function<absl::StatusOr<Result>()> run = [this] { return Run(Key()); };
  int fresh = 0;
  for (const auto& result :
       RunBehindLock("LOCK TABLE idempotency_keys IN SHARE MODE", std::vector(kRacingCalls, run))) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->name, "Ada");
    fresh += result->replayed ? 0 : 1;
  }
  EXPECT_EQ(fresh, 1);
  EXPECT_EQ(Users(), "1");
}

TEST_F(IdempotentWritesTest, CallThatWaitedForOneThatFailedWritesItself) {
  std::vector<std::function<absl::StatusOr<Result>()>> calls(
      kRacingCalls - 1, [this] { return Run(Key(), "Ada", absl::InvalidArgumentError("no")); });
  calls.push_back([this] { return Run(Key()); });
  const auto results = RunBehindLock("LOCK TABLE idempotency_keys IN SHARE MODE", calls);
  ASSERT_TRUE(results.back().ok()) << results.back().status();
  EXPECT_FALSE(results.back()->replayed);
  EXPECT_EQ(Users(), "1");
}

TEST_F(IdempotentWritesTest, WhatWasDeletedIsNeitherAnsweredNorCreatedAgain) {
  const auto first = Run(Key());
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status forgotten = outbox_.Transact(call_, [&](PostgresSession& session) {
    return ForgetCreated(session, "CreateUser", first->id);
  });
  ASSERT_TRUE(forgotten.ok()) << forgotten;
  EXPECT_EQ(Ask("SELECT count(*) FROM idempotency_keys WHERE answer IS NOT NULL"), "0");
  const auto second = Run(Key());
  EXPECT_TRUE(absl::IsNotFound(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(std::to_string(first->id)));
  EXPECT_EQ(Users(), "1");
}

TEST_F(IdempotentWritesTest, PurgeDeletesKeysThatAreOlderThanADayInBatches) {
  for (const char* key : {"a", "b", "c", "young"}) ASSERT_TRUE(Run(Key(key)).ok());
  Ask("UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 minute'"
      " WHERE key <> 'young'");
  Ask("UPDATE idempotency_keys SET created_at = now() - interval '23 hours 59 minutes'"
      " WHERE key = 'young'");
  EXPECT_EQ(PurgeIdempotencyKeys(call_, *pool_, 2).value(), 2);
  BatchPurge purge(IdempotencyPurge(*pool_), *logger_, SystemClock());
  ASSERT_TRUE(purge.Round().ok());
  EXPECT_EQ(Ask("SELECT string_agg(key, ' ') FROM idempotency_keys"), "young");
  EXPECT_FALSE(Run(Key("a"))->replayed);
}

}  // namespace
}  // namespace scaleout
