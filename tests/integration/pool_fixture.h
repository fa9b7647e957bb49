// A pool on a fresh database of the private PostgreSQL, and what the tests of pools and
// repositories share: questions to the database past the pool, and calls that are sure to meet.
//
// A test of a race must not leave the race to chance: a fresh pool has one connection, so that
// calls that start together run one after the other. RunBehindLock() holds a lock from a session of
// its own until every call waits for it, each on its own connection. Used by one thread.
#ifndef SCALEOUT_TESTS_INTEGRATION_POOL_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_POOL_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "common/call_context.h"
#include "common/log.h"
#include "common/metrics.h"
#include "postgres/postgres_pool.h"
#include "service/service_schema.h"
#include "tests/integration/private_postgres.h"
#include "tests/support/eventually.h"

namespace scaleout::testing {

// Far beyond what anything takes; a test that needs it fails.
inline constexpr std::chrono::seconds kPatience{20};

// A call whose client waits for `limit`.
inline CallContext CallFor(Duration limit = kPatience) {
  CallContext call;
  call.deadline = Deadline::In(limit, SystemClock());
  return call;
}

class PoolFixture : public ::testing::Test {
 public:
  // Calls at once in the test of a race; a pool for a schema has a connection for each.
  static constexpr int kRacingCalls = 8;

 protected:
  PoolFixture() : postgres_(PrivatePostgres::Running()), conninfo_(postgres_.CreateDatabase()) {
    options_.connect.conninfo = conninfo_;
    options_.connect.application_name = "pool";
  }

  std::unique_ptr<PostgresPool> MakePool(PostgresPrepare prepare = {},
                                         PostgresPoolEvents events = {}) {
    return std::make_unique<PostgresPool>(options_, std::move(prepare), std::move(events), *logger_,
                                          *metrics_, SystemClock());
  }

  // A pool on which a service's migrations, and perhaps its demo data, have run.
  std::unique_ptr<PostgresPool> MakePool(const ServiceSchema& schema, bool seed = false) {
    options_.max_connections = kRacingCalls;
    options_.wait_limit = kPatience;
    ServiceConfig config;
    config.database = options_;
    config.seed_demo_data = seed;
    auto pool = MakePool(MakePostgresPrepare(config, schema, *logger_));
    EXPECT_TRUE(Eventually([&] { return pool->reachable(); }));
    return pool;
  }

  std::string Ask(const std::string& sql) { return postgres_.Ask(conninfo_, sql); }

  // The events that wait to be published, in the order in which they were added, each as its type
  // and its aggregate's id: "user.changed 7, user.changed 8".
  std::string OutboxEvents() {
    return Ask(
        "SELECT coalesce(string_agg(type || ' ' || aggregate_id, ', ' ORDER BY id), '')"
        " FROM outbox");
  }

  // Statements of this database that run now, apart from the one that asks.
  std::string RunningStatements() {
    return Ask(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'active' AND pid <> pg_backend_pid()");
  }

  // Runs all `calls` at once and answers their results, in the same order. `lock` is a statement
  // that takes a lock which every call needs; it is held until all of them wait for it.
  template <typename Result>
  std::vector<Result> RunBehindLock(const std::string& lock,
                                    const std::vector<std::function<Result()>>& calls) {
    pqxx::connection session(conninfo_);
    pqxx::work holder(session);
    holder.exec(lock);
    std::vector<std::future<Result>> running;
    running.reserve(calls.size());
    for (const auto& call : calls) running.push_back(std::async(std::launch::async, call));
    EXPECT_TRUE(Eventually([&] {
      return Ask("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                 "wait_event_type = 'Lock'") == std::to_string(calls.size());
    })) << "the calls do not wait for: "
        << lock;
    holder.commit();
    std::vector<Result> results;
    results.reserve(calls.size());
    for (std::future<Result>& result : running) results.push_back(result.get());
    return results;
  }

  PrivatePostgres& postgres_;
  const std::string conninfo_;
  const std::unique_ptr<Logger> logger_ = MakeNullLogger();
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  PostgresPoolOptions options_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_POOL_FIXTURE_H_
