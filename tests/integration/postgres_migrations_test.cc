#include "postgres/postgres_migrations.h"

#include <future>
#include <thread>
#include <vector>

#include "postgres/postgres_budget.h"
#include "tests/integration/pool_fixture.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

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

  PostgresWatchdog watchdog_{SystemClock()};
};

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
