#include "postgres/postgres_migrations.h"

#include <pqxx/pqxx>

#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "postgres/postgres_budget.h"
#include "tests/integration/pool_fixture.h"
#include "tests/support/fake_logger.h"
#include "tests/support/standstill.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;
using ::testing::HasSubstr;
using testing::kStandstill;

class PostgresMigrationsTest : public testing::PoolFixture {
 protected:
  std::unique_ptr<PostgresConnection> Connect() {
    auto connection = PostgresConnection::Open(CallContext(), options_.connect, watchdog_, *logger_,
                                               SystemClock());
    EXPECT_TRUE(connection.ok()) << connection.status();
    return *std::move(connection);
  }

  absl::Status Apply(const std::vector<EmbeddedSql>& files, std::string_view seed = "") {
    const auto migrations = ParseMigrations(files);
    if (!migrations.ok()) return migrations.status();
    return ApplyMigrations(CallContext(), *Connect(), *migrations, seed, *logger_);
  }

  // Traffic that gives up when it is held up, and fails the test.
  std::string AskInTime(const std::string& sql) {
    return postgres_.Ask(conninfo_ + " options='-c statement_timeout=4s'", sql);
  }

  PostgresWatchdog watchdog_{SystemClock()};
};

const EmbeddedSql kTableA = {"0001_a.sql", "CREATE TABLE a (n int);"};

TEST_F(PostgresMigrationsTest, AppliesEachFileOnce) {
  const std::vector<EmbeddedSql> first = {{"0001_a.sql", "CREATE TABLE a (n int);"}};
  std::vector<EmbeddedSql> second = first;
  second.push_back({"0002_b.sql", "INSERT INTO a VALUES (1); -- without a semicolon at its end"});
  ASSERT_TRUE(Apply(first).ok());
  ASSERT_TRUE(Apply(second).ok());
  ASSERT_TRUE(Apply(second).ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM a"), "1");
  EXPECT_EQ(Ask("SELECT string_agg(file, ' ' ORDER BY version) FROM schema_migrations"),
            "0001_a.sql 0002_b.sql");
}

TEST_F(PostgresMigrationsTest, LetsReplicasStartTogether) {
  const std::vector<EmbeddedSql> files = {
      {"0001_a.sql", "CREATE TABLE a (n int); SELECT pg_sleep(0.2);"},
      {"0002_b.sql", "INSERT INTO a VALUES (1);"}};
  std::vector<std::future<absl::Status>> starters;
  for (int i = 0; i < 4; ++i) {
    starters.push_back(std::async(std::launch::async, [&] {
      return Apply(files, "INSERT INTO a SELECT 2 WHERE NOT EXISTS (SELECT FROM a WHERE n = 2)");
    }));
  }
  for (auto& starter : starters) {
    const absl::Status status = starter.get();
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(Ask("SELECT string_agg(n::text, ' ' ORDER BY n) FROM a"), "1 2");
}

TEST_F(PostgresMigrationsTest, GivesUpForNowWhileAnotherHoldsTheLock) {
  const auto holder = Connect();
  ASSERT_TRUE(holder->ExecUnwrapped(CallContext(), "SELECT pg_advisory_lock(7258347629)").ok());
  const absl::Status status = Apply({{"0001_a.sql", "CREATE TABLE a (n int);"}});
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  ASSERT_TRUE(holder->ExecUnwrapped(CallContext(), "SELECT pg_advisory_unlock(7258347629)").ok());
  EXPECT_TRUE(Apply({{"0001_a.sql", "CREATE TABLE a (n int);"}}).ok());
}

TEST_F(PostgresMigrationsTest, LetsTrafficPassWhileItWaitsForATransactionThatHoldsTheTable) {
  ASSERT_TRUE(Apply({kTableA}).ok());
  pqxx::connection session(conninfo_);
  auto holder = std::make_unique<pqxx::work>(session);
  holder->exec("SELECT * FROM a");
  testing::FakeLogger logger;
  const auto migrations =
      ParseMigrations({kTableA, {"0002_b.sql", "ALTER TABLE a ADD COLUMN b int;"}});
  const auto connection = Connect();
  auto applied = std::async(std::launch::async, [&] {
    return ApplyMigrations(CallContext(), *connection, *migrations, "", logger,
                           {.lock_timeout = 200ms, .attempts = 20});
  });
  // Behind an ALTER that waits, each of these would wait too.
  ASSERT_TRUE(Eventually([&] {
    AskInTime("SELECT count(*) FROM a");
    return logger.CountOf("migration waits for a lock") >= 2;
  }));
  holder->commit();
  EXPECT_TRUE(applied.get().ok());
  EXPECT_EQ(Ask("SELECT count(b) FROM a"), "0");
}

TEST_F(PostgresMigrationsTest, GivesUpForNowWhenAFileDoesNotGetItsLocks) {
  ASSERT_TRUE(Apply({kTableA}).ok());
  pqxx::connection session(conninfo_);
  pqxx::work holder(session);
  holder.exec("SELECT * FROM a");
  const auto migrations =
      ParseMigrations({kTableA, {"0002_b.sql", "ALTER TABLE a ADD COLUMN b int;"}});
  const absl::Status status = ApplyMigrations(CallContext(), *Connect(), *migrations, "", *logger_,
                                              {.lock_timeout = 20ms, .attempts = 3});
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("0002_b.sql failed: did not get its locks in 3 attempts"));
}

TEST_F(PostgresMigrationsTest, RunsAFileOutsideOfATransactionAgainUntilItSucceeds) {
  const EmbeddedSql index = {"0002_index.sql",
                             "-- scaleout: no-transaction\n"
                             "DROP INDEX CONCURRENTLY IF EXISTS a_n;\n"
                             "CREATE UNIQUE INDEX CONCURRENTLY a_n ON a (n);\n"};
  ASSERT_TRUE(Apply({kTableA}).ok());
  Ask("INSERT INTO a VALUES (1), (1)");
  const absl::Status failed = Apply({kTableA, index});
  EXPECT_TRUE(absl::IsAlreadyExists(failed)) << failed;
  EXPECT_THAT(std::string(failed.message()), HasSubstr("0002_index.sql"));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("runs again at the next start"));
  // What it leaves behind, as the message says.
  EXPECT_EQ(Ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_n'::regclass"), "f");
  EXPECT_EQ(Ask("SELECT count(*) FROM schema_migrations"), "1");
  Ask("DELETE FROM a");
  ASSERT_TRUE(Apply({kTableA, index}).ok());
  EXPECT_EQ(Ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_n'::regclass"), "t");
  EXPECT_EQ(Ask("SELECT count(*) FROM schema_migrations"), "2");
}

TEST_F(PostgresMigrationsTest, BuildsAnIndexConcurrentlyWhileReplicasWaitForTheirTurn) {
  const std::vector<EmbeddedSql> files = {
      kTableA,
      {"0002_index.sql",
       "-- scaleout: no-transaction\n"
       "CREATE INDEX CONCURRENTLY a_n ON a (n);\nSELECT pg_sleep(0.3);\n"}};
  std::vector<std::future<absl::Status>> starters;
  for (int i = 0; i < 3; ++i) {
    starters.push_back(std::async(std::launch::async, [&] { return Apply(files); }));
  }
  for (auto& starter : starters) {
    const absl::Status status = starter.get();
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST_F(PostgresMigrationsTest, TakesLongerThanTheServersStatementTimeout) {
  options_.connect.conninfo += " options='-c statement_timeout=300ms'";
  const absl::Status status =
      Apply({{"0001_a.sql", "CREATE TABLE a (n int);\nSELECT pg_sleep(0.6);\n"},
             {"0002_b.sql", "-- scaleout: no-transaction\nSELECT pg_sleep(0.6);\n"}});
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(PostgresMigrationsTest, EndsWithItsCallWhereverItWaits) {
  const auto migrations =
      ParseMigrations({kTableA, {"0002_b.sql", "ALTER TABLE a ADD COLUMN b int;"}});
  const auto apply_until = [&](Duration limit, std::string_view seed) {
    CallContext call;
    call.deadline = Deadline::In(limit, SystemClock());
    const MonotonicTime start = SystemClock().Now();
    const absl::Status status = ApplyMigrations(call, *Connect(), *migrations, seed, *logger_);
    EXPECT_FALSE(status.ok());
    return SystemClock().Now() - start;
  };
  const auto holder = Connect();
  // For another replica.
  ASSERT_TRUE(holder->ExecUnwrapped(CallContext(), "SELECT pg_advisory_lock(7258347629)").ok());
  EXPECT_LT(apply_until(100ms, ""), kStandstill);
  ASSERT_TRUE(holder->ExecUnwrapped(CallContext(), "SELECT pg_advisory_unlock(7258347629)").ok());
  // For a table's lock.
  ASSERT_TRUE(Apply({kTableA}).ok());
  ASSERT_TRUE(holder->ExecUnwrapped(CallContext(), "BEGIN; LOCK TABLE a").ok());
  EXPECT_LT(apply_until(200ms, ""), kStandstill);
  ASSERT_TRUE(holder->ExecUnwrapped(CallContext(), "ROLLBACK").ok());
  // In the demo data.
  EXPECT_LT(apply_until(300ms, "SELECT pg_sleep(15)"), kStandstill);
}

TEST_F(PostgresMigrationsTest, RefusesAnAppliedFileThatChanged) {
  ASSERT_TRUE(Apply({{"0001_a.sql", "CREATE TABLE a (n int);"}}).ok());
  const absl::Status status = Apply({{"0001_a.sql", "CREATE TABLE a (n bigint);"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("0001_a.sql"));
}

TEST_F(PostgresMigrationsTest, RefusesARecordThatCannotBeRead) {
  ASSERT_TRUE(Apply({{"0001_a.sql", "CREATE TABLE a (n int);"}}).ok());
  Ask("ALTER TABLE schema_migrations ALTER COLUMN checksum DROP NOT NULL");
  Ask("UPDATE schema_migrations SET checksum = NULL");
  const absl::Status status = Apply({{"0001_a.sql", "CREATE TABLE a (n int);"}});
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("column checksum"));
}

TEST_F(PostgresMigrationsTest, LeavesNothingOfAFileThatFails) {
  const std::vector<EmbeddedSql> files = {
      {"0001_a.sql", "CREATE TABLE a (n int);"},
      {"0002_b.sql", "CREATE TABLE b (n int); SELECT no_such_function();"}};
  const absl::Status status = Apply(files);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("0002_b.sql"));
  EXPECT_EQ(Ask("SELECT count(*) FROM schema_migrations"), "1");
  EXPECT_EQ(Ask("SELECT to_regclass('b') IS NULL"), "t");
  // The lock is free again.
  EXPECT_TRUE(Apply({files[0]}).ok());
}

TEST_F(PostgresMigrationsTest, ReadsTheConnectionBudgetAndRefusesAShareBeyondIt) {
  const auto connection = Connect();
  const auto budget = ReadPostgresBudget(CallContext(), *connection);
  ASSERT_TRUE(budget.ok()) << budget.status();
  EXPECT_EQ(budget->max_connections, 60);
  EXPECT_EQ(budget->reserved, 3);
  EXPECT_EQ(budget->Available(), 57);
  EXPECT_GE(budget->in_use, 1);
  EXPECT_TRUE(ReportPostgresBudget(CallContext(), *connection, 57, *logger_).ok());
  const absl::Status status = ReportPostgresBudget(CallContext(), *connection, 58, *logger_);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("DB_POOL_MAX is 58"));
}

}  // namespace
}  // namespace scaleout
