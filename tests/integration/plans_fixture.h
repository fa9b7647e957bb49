// Which access paths statements take, with the generic plans that the services' sessions force.
#ifndef SCALEOUT_TESTS_INTEGRATION_PLANS_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_PLANS_FIXTURE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/integration/pool_fixture.h"

namespace scaleout::testing {

class PlansFixture : public PoolFixture {
 protected:
  // Runs `body` on a pool of its own, whose sessions report their counts when they end.
  void WithPool(const ServiceSchema& schema, bool seed,
                const std::function<void(PostgresPool&)>& body) {
    const auto pool = MakePool(schema, seed);
    body(*pool);
  }

  void Seed(const ServiceSchema& schema, const std::vector<std::string>& statements = {}) {
    WithPool(schema, true, [](PostgresPool&) {});
    for (const std::string& statement : statements) Ask(statement);
    Ask("ANALYZE");
    ASSERT_TRUE(Eventually([&] { return Sessions() == "0"; }));
  }

  std::string Sessions() {
    return Ask(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'"
        " AND datname = current_database()");
  }

  std::int64_t Count(const std::string& counter, const std::string& tables) {
    return std::stoll(Ask("SELECT coalesce(sum(" + counter +
                          "), 0) FROM pg_stat_user_tables WHERE relname IN (" + tables + ")"));
  }

  // That `reads` scan none of `tables` and fetch rows by their indexes. Answers how many.
  std::int64_t ExpectIndexScans(const ServiceSchema& schema, const std::string& tables,
                                const std::function<void(PostgresPool&)>& reads) {
    const std::int64_t scans = Count("seq_scan", tables);
    const std::int64_t fetched = Count("idx_tup_fetch", tables);
    WithPool(schema, false, reads);
    EXPECT_TRUE(Eventually([&] { return Sessions() == "0"; }));
    EXPECT_EQ(Count("seq_scan", tables), scans) << tables;
    EXPECT_GT(Count("idx_tup_fetch", tables), fetched) << tables;
    return Count("idx_tup_fetch", tables) - fetched;
  }
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_PLANS_FIXTURE_H_
