#include "postgres/postgres_pool.h"

#include <atomic>
#include <future>

#include "tests/integration/pool_fixture.h"
#include "tests/support/fake_logger.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::CallFor;
using testing::Eventually;

constexpr PostgresStatement kAdd = {"add", "SELECT $1::bigint + $2::int AS sum"};
constexpr PostgresStatement kSleep = {"sleep", "SELECT pg_sleep($1::float8)"};
constexpr PostgresStatement kShowSeqScan = {"show_seq_scan", "SHOW enable_seqscan"};
constexpr PostgresStatement kShowTimeout = {"show_timeout", "SHOW statement_timeout"};
constexpr PostgresStatement kInsert = {"insert", "INSERT INTO t (n) VALUES ($1)"};

class PostgresPoolTest : public testing::PoolFixture {
 protected:
  static std::string Timeout(PostgresPool& pool, Duration remaining) {
    const auto timeout =
        pool.FindRow(CallFor(remaining), kShowTimeout, {},
                     [](const PostgresRow& row) { return row.Text("statement_timeout"); });
    return timeout.ok() ? timeout->value_or("") : timeout.status().ToString();
  }
};

TEST_F(PostgresPoolTest, AnswersTheRowsOfAStatement) {
  const auto pool = MakePool();
  const auto rows = pool->Query(CallFor(), kAdd, {std::int64_t{40}, 2},
                                [](const PostgresRow& row) { return row.Int64("sum"); });
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->front(), 42);
}

TEST_F(PostgresPoolTest, LogsWhatTheServerReportsBesideItsAnswers) {
  testing::FakeLogger logger;
  PostgresPool pool(options_, {}, {}, logger, *metrics_, SystemClock());
  const PostgresStatement warn = {"warn", "DO $$ BEGIN RAISE WARNING 'low on ids'; END $$"};
  ASSERT_TRUE(pool.Execute(CallFor(), warn).ok());
  const auto line = logger.Find("postgres");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->level, LogLevel::kWarn);
  EXPECT_EQ(line->fields.at("detail"), "WARNING:  low on ids");
}

TEST_F(PostgresPoolTest, LogsARefusedRowWithoutItsValues) {
  Ask("CREATE TABLE t (n int CHECK (n < 10), email text)");
  testing::FakeLogger logger;
  PostgresPool pool(options_, {}, {}, logger, *metrics_, SystemClock());
  const PostgresStatement insert = {"insert", "INSERT INTO t VALUES ($1, $2)"};
  EXPECT_TRUE(
      absl::IsInvalidArgument(pool.Execute(CallFor(), insert, {12, "ada@example.com"}).status()));
  const auto line = logger.Find("statement failed");
  ASSERT_TRUE(line);
  EXPECT_THAT(line->fields.at("detail"), ::testing::HasSubstr("t_n_check"));
  EXPECT_EQ(line->fields.at("detail").find("ada"), std::string::npos) << line->fields.at("detail");
}

TEST_F(PostgresPoolTest, PassesNullAndArraysAndQuotes) {
  const auto pool = MakePool();
  const std::string special = R"(a"b\c,{d})";
  const absl::Status status = pool->ForEachRow(
      CallFor(),
      {"values",
       "SELECT $1::text IS NULL AS a, ($2::bigint[])[2] AS b, ($3::text[])[1] AS c, $4::text AS d"},
      {std::nullopt, std::vector<std::int64_t>{7, 8}, std::vector<std::string>{special}, "it's"},
      [&](const PostgresRow& row) {
        EXPECT_TRUE(row.Bool("a"));
        EXPECT_EQ(row.Int32("b"), 8);
        EXPECT_EQ(row.Text("c"), special);
        EXPECT_EQ(row.Text("d"), "it's");
      });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(PostgresPoolTest, CommitsIfTheBodyAnswersOkAndElseRollsBack) {
  Ask("CREATE TABLE t (n int)");
  const auto pool = MakePool();
  EXPECT_TRUE(pool->Transact(CallFor(),
                             [](PostgresSession& session) {
                               return session.Execute(kInsert, {1}).status();
                             })
                  .ok());
  const absl::Status refused = pool->Transact(CallFor(), [](PostgresSession& session) {
    EXPECT_TRUE(session.Execute(kInsert, {2}).ok());
    return absl::FailedPreconditionError("no");
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_EQ(Ask("SELECT string_agg(n::text, ' ') FROM t"), "1");
}

TEST_F(PostgresPoolTest, CommitsNothingOfABodyThatIgnoresAnError) {
  Ask("CREATE TABLE t (n int CHECK (n < 10))");
  const auto pool = MakePool();
  const absl::Status status = pool->Transact(CallFor(), [](PostgresSession& session) {
    EXPECT_TRUE(session.Execute(kInsert, {1}).ok());
    EXPECT_FALSE(session.Execute(kInsert, {11}).ok());
    EXPECT_TRUE(absl::IsInvalidArgument(session.Execute(kInsert, {2}).status()));
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "0");
}

TEST_F(PostgresPoolTest, TranslatesWhatPostgresRefuses) {
  Ask("CREATE TABLE t (n int PRIMARY KEY CHECK (n < 10), parent int REFERENCES t)");
  const auto pool = MakePool();
  ASSERT_TRUE(pool->Execute(CallFor(), kInsert, {1}).ok());
  const auto code = [&](const PostgresStatement& statement) {
    return pool->Execute(CallFor(), statement).status().code();
  };
  EXPECT_EQ(code({"unique", "INSERT INTO t (n) VALUES (1)"}), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(code({"check", "INSERT INTO t (n) VALUES (11)"}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({"null", "INSERT INTO t (n) VALUES (NULL)"}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({"range", "INSERT INTO t (n) VALUES (3000000000)"}),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({"fk", "INSERT INTO t (n, parent) VALUES (2, 3)"}),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code({"serial", "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"}),
            absl::StatusCode::kAborted);
  EXPECT_EQ(code({"deadlock", "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$"}),
            absl::StatusCode::kAborted);
  EXPECT_EQ(code({"disk", "DO $$ BEGIN RAISE SQLSTATE '53100'; END $$"}),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(code({"syntax", "SELECT FROM WHERE"}), absl::StatusCode::kInternal);
  // The connection can still be used after each of them.
  EXPECT_TRUE(pool->Execute(CallFor(), kInsert, {2}).ok());
}

TEST_F(PostgresPoolTest, StatusesHoldNeitherSqlNorValues) {
  Ask("CREATE TABLE t (n int UNIQUE)");
  const auto pool = MakePool();
  ASSERT_TRUE(pool->Execute(CallFor(), kInsert, {4711}).ok());
  const absl::Status status = pool->Execute(CallFor(), kInsert, {4711}).status();
  EXPECT_EQ(status.ToString().find("4711"), std::string::npos) << status;
  EXPECT_EQ(status.ToString().find("INSERT"), std::string::npos) << status;
}

TEST_F(PostgresPoolTest, DoesNotStartForACallThatIsOver) {
  const auto pool = MakePool();
  EXPECT_TRUE(absl::IsDeadlineExceeded(pool->Execute(CallFor(0ms), kAdd, {1, 1}).status()));
  CallContext gone = CallFor();
  gone.is_cancelled = [] { return true; };
  EXPECT_TRUE(absl::IsCancelled(pool->Execute(gone, kAdd, {1, 1}).status()));
}

TEST_F(PostgresPoolTest, ChecksTheDeadlineBeforeEachStatement) {
  Ask("CREATE TABLE t (n int)");
  const auto pool = MakePool();
  const CallContext call = CallFor(300ms);
  const absl::Status status = pool->Transact(call, [&call](PostgresSession& session) {
    EXPECT_TRUE(session.Execute(kInsert, {1}).ok());
    EXPECT_TRUE(Eventually([&call] { return call.deadline.Passed(SystemClock()); }));
    return session.Execute(kInsert, {2}).status();
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "0");
}

TEST_F(PostgresPoolTest, CancelsTheStatementWhenTheDeadlinePasses) {
  options_.connect.statement_timeout = 1h;
  const auto pool = MakePool();
  const MonotonicTime start = SystemClock().Now();
  const absl::Status status = pool->Execute(CallFor(60ms), kSleep, {"15"}).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_LT(SystemClock().Now() - start, 5s);
  EXPECT_EQ(RunningStatements(), "0");
}

TEST_F(PostgresPoolTest, CancelsTheStatementWhenTheClientGoes) {
  const auto pool = MakePool();
  std::atomic<bool> gone = false;
  CallContext call = CallFor();
  call.is_cancelled = [&gone] { return gone.load(); };
  auto status =
      std::async(std::launch::async, [&] { return pool->Execute(call, kSleep, {"15"}).status(); });
  ASSERT_TRUE(Eventually([&] { return RunningStatements() == "1"; }));
  gone = true;
  const MonotonicTime start = SystemClock().Now();
  EXPECT_TRUE(absl::IsCancelled(status.get()));
  EXPECT_LT(SystemClock().Now() - start, 5s);
  EXPECT_EQ(RunningStatements(), "0");
}

TEST_F(PostgresPoolTest, NeverCancelsTheNextStatementOfAConnection) {
  options_.max_connections = 1;
  const auto pool = MakePool();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(absl::IsDeadlineExceeded(pool->Execute(CallFor(5ms), kSleep, {"15"}).status()));
    const auto next = pool->Execute(CallFor(), kAdd, {i, 1});
    ASSERT_TRUE(next.ok()) << next.status();
  }
}

TEST_F(PostgresPoolTest, EndsAStatementThatRunsLongerThanItsLimit) {
  options_.connect.statement_timeout = 50ms;
  const auto pool = MakePool();
  const absl::Status status = pool->Execute(CallContext(), kSleep, {"15"}).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

TEST_F(PostgresPoolTest, KeepsTheServersTimeoutJustAboveWhatIsLeftOfTheCall) {
  options_.max_connections = 1;
  const auto pool = MakePool();
  EXPECT_EQ(Timeout(*pool, 20s), "3s");
  EXPECT_EQ(Timeout(*pool, 1900ms), "2s");
  EXPECT_EQ(Timeout(*pool, 450ms), "500ms");
  EXPECT_EQ(Timeout(*pool, 20s), "3s");
}

TEST_F(PostgresPoolTest, RemembersThatARollbackTakesATimeoutBack) {
  options_.max_connections = 1;
  const auto pool = MakePool();
  ASSERT_EQ(Timeout(*pool, 20s), "3s");
  EXPECT_FALSE(pool->Transact(CallFor(900ms),
                              [](PostgresSession& session) {
                                EXPECT_TRUE(session.Execute(kAdd, {1, 1}).ok());
                                return absl::AbortedError("rolls back");
                              })
                   .ok());
  EXPECT_EQ(Timeout(*pool, 900ms), "1s");
}

TEST_F(PostgresPoolTest, SendsThePasswordQuoted) {
  options_.connect.password = R"(p'\w d)";
  const auto pool = MakePool();
  EXPECT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
}

TEST_F(PostgresPoolTest, PlansAreLookupsByIndexWhereThatIsAsked) {
  const auto show = [](const PostgresRow& row) { return row.Text("enable_seqscan"); };
  EXPECT_EQ(MakePool()->FindRow(CallFor(), kShowSeqScan, {}, show).value(), "on");
  options_.connect.index_plans = true;
  EXPECT_EQ(MakePool()->FindRow(CallFor(), kShowSeqScan, {}, show).value(), "off");
}

}  // namespace
}  // namespace scaleout
