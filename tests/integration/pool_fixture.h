// A pool on a fresh database of the private PostgreSQL, and the small things that its tests need.
#ifndef SCALEOUT_TESTS_INTEGRATION_POOL_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_POOL_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

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
    ServiceConfig config;
    config.database = options_;
    config.seed_demo_data = seed;
    auto pool = MakePool(MakePostgresPrepare(config, schema, *logger_));
    EXPECT_TRUE(Eventually([&] { return pool->reachable(); }));
    return pool;
  }

  std::string Ask(const std::string& sql) { return postgres_.Ask(conninfo_, sql); }

  PrivatePostgres& postgres_;
  const std::string conninfo_;
  const std::unique_ptr<Logger> logger_ = MakeNullLogger();
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  PostgresPoolOptions options_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_POOL_FIXTURE_H_
