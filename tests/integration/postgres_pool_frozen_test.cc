// A server that is frozen: it accepts connections and answers nothing.
#include <atomic>
#include <future>
#include <vector>

#include "common/status.h"
#include "postgres/postgres_pool.h"
#include "tests/integration/pool_fixture.h"
#include "tests/support/standstill.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::CallFor;
using testing::Eventually;
using testing::kPatience;
using testing::kStandstill;

constexpr PostgresStatement kAnswer = {"answer", "SELECT 42 AS answer"};
constexpr PostgresStatement kSleep = {"sleep", "SELECT pg_sleep($1::float8)"};
constexpr PostgresStatement kInsert = {"insert", "INSERT INTO t (n) VALUES ($1)"};

// What the product promises.
constexpr std::chrono::seconds kNoticeLimit{5};

class PostgresPoolFrozenTest : public testing::PoolFixture {
 protected:
  std::unique_ptr<PostgresPool> MakeReachablePool() {
    auto pool = MakePool();
    EXPECT_TRUE(pool->Execute(CallFor(), kAnswer).ok());
    return pool;
  }

  std::future<absl::Status> Start(PostgresPool& pool, Duration limit) {
    return std::async(std::launch::async, [&pool, limit] {
      return pool.Execute(CallFor(limit), kSleep, {"6"}).status();
    });
  }

  bool AnswersAgain(PostgresPool& pool) {
    return Eventually([&] { return pool.Execute(CallFor(), kAnswer).ok(); });
  }

  // Sessions of the pool that run a statement.
  bool AreRunning(int count) {
    return Eventually([&] {
      return Ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'"
                 " AND state = 'active'") == std::to_string(count);
    });
  }
};

TEST_F(PostgresPoolFrozenTest, IsUnreachableWithinFiveSecondsWhenIdle) {
  const auto pool = MakeReachablePool();
  auto frozen = postgres_.Freeze();
  EXPECT_TRUE(Eventually([&] { return !pool->reachable(); }, kNoticeLimit + kStandstill));
  const MonotonicTime start = SystemClock().Now();
  const absl::Status refused = pool->Execute(CallFor(), kAnswer).status();
  EXPECT_EQ(ReasonOf(refused), "DATABASE_UNAVAILABLE") << refused;
  EXPECT_LT(SystemClock().Now() - start, kStandstill);
  frozen.reset();
  EXPECT_TRUE(AnswersAgain(*pool));
  EXPECT_TRUE(pool->reachable());
}

TEST_F(PostgresPoolFrozenTest, IsUnreachableWithinFiveSecondsWhenEveryConnectionIsInUse) {
  options_.max_connections = 2;
  options_.wait_limit = kPatience;
  options_.connect.statement_timeout = 1h;
  const auto pool = MakeReachablePool();
  auto first = Start(*pool, kPatience);
  auto second = Start(*pool, kPatience);
  ASSERT_TRUE(AreRunning(2));
  auto frozen = postgres_.Freeze();
  auto waiting = Start(*pool, kPatience);
  EXPECT_TRUE(Eventually([&] { return !pool->reachable(); }, kNoticeLimit + kStandstill));
  EXPECT_EQ(waiting.wait_for(kStandstill), std::future_status::ready);
  EXPECT_EQ(ReasonOf(waiting.get()), "DATABASE_UNAVAILABLE");
  frozen.reset();
  // Although both connections are still in use.
  EXPECT_TRUE(Eventually([&] { return pool->reachable(); }, kNoticeLimit + kStandstill));
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
}

TEST_F(PostgresPoolFrozenTest, IsNotHeldUpByALongConnectTimeoutOfItsConnectionString) {
  options_.max_connections = 1;
  options_.connect.conninfo += " connect_timeout=20";
  options_.connect.statement_timeout = 1h;
  auto pool = MakeReachablePool();
  auto held = Start(*pool, 6s);
  ASSERT_TRUE(AreRunning(1));
  const auto frozen = postgres_.Freeze();
  EXPECT_TRUE(Eventually([&] { return !pool->reachable(); }, kNoticeLimit + kStandstill));
  EXPECT_FALSE(held.get().ok());
  const MonotonicTime start = SystemClock().Now();
  pool.reset();
  EXPECT_LT(SystemClock().Now() - start, kStandstill);
}

TEST_F(PostgresPoolFrozenTest, EndsAStatementSoonAfterItsDeadline) {
  const auto pool = MakeReachablePool();
  const auto frozen = postgres_.Freeze();
  const MonotonicTime start = SystemClock().Now();
  const absl::Status status = pool->Execute(CallFor(200ms), kAnswer).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_LT(SystemClock().Now() - start, kStandstill);
}

TEST_F(PostgresPoolFrozenTest, EndsAStatementWithoutADeadlineAtTheStatementTimeout) {
  options_.connect.statement_timeout = 200ms;
  const auto pool = MakeReachablePool();
  const auto frozen = postgres_.Freeze();
  const MonotonicTime start = SystemClock().Now();
  const absl::Status status = pool->Execute(CallContext(), kAnswer).status();
  EXPECT_EQ(ReasonOf(status), "DATABASE_UNAVAILABLE") << status;
  EXPECT_LT(SystemClock().Now() - start, kStandstill);
}

TEST_F(PostgresPoolFrozenTest, SaysThatACommitIsInDoubtWhenItIsNotAnswered) {
  Ask("CREATE TABLE t (n int)");
  const auto pool = MakeReachablePool();
  std::unique_ptr<testing::FrozenPostgres> frozen;
  const MonotonicTime start = SystemClock().Now();
  const absl::Status status = pool->Transact(CallFor(), [&](PostgresSession& session) {
    const absl::Status inserted = session.Execute(kInsert, {1}).status();
    frozen = postgres_.Freeze();
    return inserted;
  });
  EXPECT_EQ(ReasonOf(status), "COMMIT_IN_DOUBT") << status;
  EXPECT_LT(SystemClock().Now() - start, kCommitLimit + kStandstill);
  frozen.reset();
  EXPECT_TRUE(AnswersAgain(*pool));
}

TEST_F(PostgresPoolFrozenTest, EndsARollbackThatIsNotAnswered) {
  const auto pool = MakeReachablePool();
  std::unique_ptr<testing::FrozenPostgres> frozen;
  const MonotonicTime start = SystemClock().Now();
  const absl::Status status = pool->Transact(CallFor(), [&](PostgresSession&) {
    frozen = postgres_.Freeze();
    return absl::AbortedError("no");
  });
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_LT(SystemClock().Now() - start, kCommitLimit + kStandstill);
}

TEST_F(PostgresPoolFrozenTest, EndsTheBeginOfATransactionThatIsNotAnswered) {
  const auto pool = MakeReachablePool();
  const auto frozen = postgres_.Freeze();
  const absl::Status status =
      pool->Transact(CallFor(200ms), [&](PostgresSession&) { return absl::OkStatus(); });
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

TEST_F(PostgresPoolFrozenTest, StopsWhileItMakesAConnection) {
  const auto frozen = postgres_.Freeze();
  auto pool = MakePool();
  const absl::Status refused = pool->Execute(CallFor(), kAnswer).status();
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  const MonotonicTime start = SystemClock().Now();
  pool.reset();
  EXPECT_LT(SystemClock().Now() - start, kStandstill);
}

TEST_F(PostgresPoolFrozenTest, StopsWhileItPreparesTheDatabase) {
  std::promise<void> entered;
  std::promise<absl::Status> ended;
  std::unique_ptr<testing::FrozenPostgres> frozen;
  auto pool = MakePool([&](const CallContext& call, PostgresConnection& connection) {
    frozen = postgres_.Freeze();
    entered.set_value();
    absl::Status status = connection.ExecScript(call, "SELECT pg_sleep(15)");
    ended.set_value(status);
    return status;
  });
  entered.get_future().wait();
  const MonotonicTime start = SystemClock().Now();
  pool.reset();
  EXPECT_LT(SystemClock().Now() - start, kStandstill);
  EXPECT_FALSE(ended.get_future().get().ok());
}

TEST_F(PostgresPoolFrozenTest, StopsWithCancelRequestsThatAreHeldUp) {
  options_.max_connections = 4;
  auto pool = MakeReachablePool();
  std::vector<std::future<absl::Status>> calls;
  for (int i = 0; i < 4; ++i) calls.push_back(Start(*pool, 2s));
  ASSERT_TRUE(AreRunning(4));
  const auto frozen = postgres_.Freeze();
  for (auto& call : calls) EXPECT_TRUE(absl::IsDeadlineExceeded(call.get()));
  const MonotonicTime start = SystemClock().Now();
  pool.reset();
  EXPECT_LT(SystemClock().Now() - start, kStandstill);
}

TEST_F(PostgresPoolFrozenTest, StartsWhenTheServerGoesOn) {
  auto frozen = postgres_.Freeze();
  const auto pool = MakePool();
  EXPECT_TRUE(absl::IsUnavailable(pool->Execute(CallFor(), kAnswer).status()));
  frozen.reset();
  EXPECT_TRUE(AnswersAgain(*pool));
}

}  // namespace
}  // namespace scaleout
