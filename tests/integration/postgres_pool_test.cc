#include "postgres/postgres_pool.h"

#include <atomic>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "common/status.h"
#include "tests/integration/pool_fixture.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::CallFor;
using testing::Eventually;
using ::testing::HasSubstr;

constexpr PostgresStatement kAdd = {"add", "SELECT $1::bigint + $2::int AS sum"};
constexpr PostgresStatement kSleep = {"sleep", "SELECT pg_sleep($1::float8)"};
constexpr PostgresStatement kShowTimeout = {"show_timeout", "SHOW statement_timeout"};
constexpr PostgresStatement kInsert = {"insert", "INSERT INTO t (n) VALUES ($1)"};
constexpr PostgresStatement kBackend = {"backend", "SELECT pg_backend_pid() AS pid"};

class PostgresPoolTest : public testing::PoolFixture {
 protected:
  // Statements of this database that run now, apart from the one that asks.
  std::string Running() {
    return Ask(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'active' AND pid <> pg_backend_pid()");
  }

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

TEST_F(PostgresPoolTest, PassesNullAndArraysAndQuotes) {
  const auto pool = MakePool();
  const std::string nasty = R"(a"b\c,{d})";
  const absl::Status status = pool->ForEachRow(
      CallFor(),
      {"values",
       "SELECT $1::text IS NULL AS a, ($2::bigint[])[2] AS b, ($3::text[])[1] AS c, $4::text AS d"},
      {std::nullopt, std::vector<std::int64_t>{7, 8}, std::vector<std::string>{nasty}, "it's"},
      [&](const PostgresRow& row) {
        EXPECT_TRUE(row.Bool("a"));
        EXPECT_EQ(row.Int32("b"), 8);
        EXPECT_EQ(row.Text("c"), nasty);
        EXPECT_EQ(row.Text("d"), "it's");
      });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(PostgresPoolTest, CommitsWhatTheBodyFindsGoodAndRollsBackTheRest) {
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

TEST_F(PostgresPoolTest, CommitsNothingOfABodyThatLostAnError) {
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
  // None of them has done the connection harm.
  EXPECT_TRUE(pool->Execute(CallFor(), kInsert, {2}).ok());
}

TEST_F(PostgresPoolTest, TellsClientsNothingOfSqlOrValues) {
  Ask("CREATE TABLE t (n int UNIQUE)");
  const auto pool = MakePool();
  ASSERT_TRUE(pool->Execute(CallFor(), kInsert, {4711}).ok());
  const absl::Status status = pool->Execute(CallFor(), kInsert, {4711}).status();
  EXPECT_EQ(status.ToString().find("4711"), std::string::npos) << status;
  EXPECT_EQ(status.ToString().find("INSERT"), std::string::npos) << status;
}

TEST_F(PostgresPoolTest, RefusesToWaitLongerThanTheWaitLimit) {
  options_.max_connections = 1;
  options_.wait_limit = 50ms;
  const auto pool = MakePool();
  absl::Status waited;
  EXPECT_TRUE(pool->Transact(CallFor(),
                             [&](PostgresSession&) {
                               // The only connection is held here.
                               waited = pool->Execute(CallFor(), kAdd, {1, 1}).status();
                               return absl::OkStatus();
                             })
                  .ok());
  EXPECT_TRUE(absl::IsUnavailable(waited)) << waited;
  EXPECT_EQ(ReasonOf(waited), "DATABASE_POOL_EXHAUSTED");
  EXPECT_THAT(std::string(waited.message()), HasSubstr("DB_POOL_WAIT"));
  EXPECT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
}

TEST_F(PostgresPoolTest, WaitsNoLongerThanTheCallsDeadline) {
  options_.max_connections = 1;
  options_.wait_limit = 20s;
  const auto pool = MakePool();
  absl::Status waited;
  EXPECT_TRUE(pool->Transact(CallFor(),
                             [&](PostgresSession&) {
                               waited = pool->Execute(CallFor(30ms), kAdd, {1, 1}).status();
                               return absl::OkStatus();
                             })
                  .ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(waited)) << waited;
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

TEST_F(PostgresPoolTest, MakesNoMoreConnectionsThanItsMaximum) {
  options_.max_connections = 3;
  options_.wait_limit = 20s;
  const auto pool = MakePool();
  std::vector<std::thread> threads;
  std::atomic<int> served = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 5; ++j) served += pool->Execute(CallFor(), kSleep, {"0.01"}).ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 40);
  EXPECT_EQ(Ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'"), "3");
  const std::string page = metrics_->RenderPrometheus();
  EXPECT_THAT(page, HasSubstr("db_client_connection_count{state=\"idle\"} 3"));
  EXPECT_THAT(page, HasSubstr("db_client_connection_max 3"));
  EXPECT_THAT(page, HasSubstr("db_client_connection_pending_requests 0"));
  EXPECT_THAT(page, HasSubstr("db_client_connection_wait_time_seconds_count 40"));
}

TEST_F(PostgresPoolTest, CancelsTheStatementWhenTheDeadlinePasses) {
  options_.connect.statement_timeout = 1h;
  const auto pool = MakePool();
  const MonotonicTime start = SystemClock().Now();
  const absl::Status status = pool->Execute(CallFor(60ms), kSleep, {"15"}).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_LT(SystemClock().Now() - start, 5s);
  EXPECT_EQ(Running(), "0");
}

TEST_F(PostgresPoolTest, CancelsTheStatementWhenTheClientGoes) {
  const auto pool = MakePool();
  std::atomic<bool> gone = false;
  CallContext call = CallFor();
  call.is_cancelled = [&gone] { return gone.load(); };
  auto status =
      std::async(std::launch::async, [&] { return pool->Execute(call, kSleep, {"15"}).status(); });
  ASSERT_TRUE(Eventually([&] { return Running() == "1"; }));
  gone = true;
  const MonotonicTime start = SystemClock().Now();
  EXPECT_TRUE(absl::IsCancelled(status.get()));
  EXPECT_LT(SystemClock().Now() - start, 5s);
  EXPECT_EQ(Running(), "0");
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

TEST_F(PostgresPoolTest, DropsAConnectionThatBroke) {
  options_.max_connections = 2;
  const auto pool = MakePool();
  const auto backend =
      pool->Query(CallFor(), kBackend, {}, [](const PostgresRow& row) { return row.Text("pid"); });
  ASSERT_TRUE(backend.ok());
  Ask("SELECT pg_terminate_backend(" + backend->front() + ")");
  const auto broken = pool->Execute(CallFor(), kAdd, {1, 1});
  // Either the call met the broken connection, or the pool did before it.
  if (!broken.ok()) {
    EXPECT_TRUE(absl::IsUnavailable(broken.status())) << broken.status();
    EXPECT_EQ(ReasonOf(broken.status()), "DATABASE_UNAVAILABLE");
  }
  EXPECT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
}

TEST_F(PostgresPoolTest, SaysThatACommitIsInDoubtWhenTheConnectionBreaksInIt) {
  Ask("CREATE TABLE t (n int)");
  Ask("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
      " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; "
      "END'");
  Ask("CREATE CONSTRAINT TRIGGER die AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"
      " FOR EACH ROW EXECUTE FUNCTION die()");
  const auto pool = MakePool();
  const absl::Status status = pool->Transact(
      CallFor(), [](PostgresSession& session) { return session.Execute(kInsert, {1}).status(); });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(ReasonOf(status), "COMMIT_IN_DOUBT");
  EXPECT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
}

TEST_F(PostgresPoolTest, FailsFastWhileTheServerIsAwayAndRecoversWhenItIsBack) {
  std::mutex mutex;
  std::vector<bool> said;
  options_.wait_limit = 20s;
  const auto pool = MakePool({}, {[&](bool reachable) {
                                    const std::lock_guard lock(mutex);
                                    said.push_back(reachable);
                                  },
                                  {}});
  ASSERT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
  postgres_.Stop();
  // Without any call: the pool finds out by itself.
  EXPECT_TRUE(Eventually([&] { return !pool->reachable(); }));
  const MonotonicTime start = SystemClock().Now();
  for (int i = 0; i < 100; ++i) {
    const absl::Status status = pool->Execute(CallFor(), kAdd, {1, 1}).status();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
  EXPECT_LT(SystemClock().Now() - start, 5s);
  postgres_.Start();
  EXPECT_TRUE(Eventually([&] { return pool->Execute(CallFor(), kAdd, {1, 1}).ok(); }));
  EXPECT_TRUE(pool->reachable());
  const std::lock_guard lock(mutex);
  EXPECT_EQ(said, (std::vector<bool>{false, true, false, true}));
}

TEST_F(PostgresPoolTest, AnswersUnavailableToCallsThatMeetTheServersEnd) {
  options_.max_connections = 4;
  const auto pool = MakePool();
  ASSERT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
  std::vector<std::future<absl::Status>> calls;
  for (int i = 0; i < 4; ++i) {
    calls.push_back(std::async(std::launch::async,
                               [&] { return pool->Execute(CallFor(), kSleep, {"15"}).status(); }));
  }
  ASSERT_TRUE(Eventually([&] { return Running() == "4"; }));
  postgres_.Stop();
  for (auto& call : calls) {
    const absl::Status status = call.get();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
  postgres_.Start();
  EXPECT_TRUE(Eventually([&] { return pool->Execute(CallFor(), kAdd, {1, 1}).ok(); }));
}

TEST_F(PostgresPoolTest, StartsBeforeItsServer) {
  postgres_.Stop();
  std::atomic<int> prepared = 0;
  const auto pool = MakePool([&](const CallContext&, PostgresConnection&) {
    ++prepared;
    return absl::OkStatus();
  });
  EXPECT_TRUE(Eventually([&] {
    return absl::IsUnavailable(pool->Execute(CallFor(), kAdd, {1, 1}).status());
  }));
  EXPECT_EQ(prepared, 0);
  postgres_.Start();
  EXPECT_TRUE(Eventually([&] { return pool->Execute(CallFor(), kAdd, {1, 1}).ok(); }));
  EXPECT_EQ(prepared, 1);
}

TEST_F(PostgresPoolTest, PreparesAgainAfterAFailureThatPasses) {
  std::atomic<int> tries = 0;
  const auto pool = MakePool([&](const CallContext&, PostgresConnection&) -> absl::Status {
    return ++tries < 3 ? absl::AbortedError("another replica is at it") : absl::OkStatus();
  });
  EXPECT_TRUE(Eventually([&] { return pool->reachable(); }));
  EXPECT_EQ(tries, 3);
}

TEST_F(PostgresPoolTest, StaysShutWhenItCannotBePrepared) {
  std::promise<absl::Status> fatal;
  const auto pool = MakePool(
      [](const CallContext&, PostgresConnection&) {
        return absl::FailedPreconditionError("a changed migration");
      },
      {{}, [&](const absl::Status& status) { fatal.set_value(status); }});
  const absl::Status status = fatal.get_future().get();
  EXPECT_THAT(std::string(status.message()), HasSubstr("a changed migration"));
  EXPECT_TRUE(absl::IsUnavailable(pool->Execute(CallFor(), kAdd, {1, 1}).status()));
}

TEST_F(PostgresPoolTest, SendsThePasswordQuoted) {
  options_.connect.password = R"(p'\w d)";
  const auto pool = MakePool();
  EXPECT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
}

}  // namespace
}  // namespace scaleout
