#include "service/service_schema.h"

#include "postgres/postgres_budget.h"

namespace scaleout {

PostgresPrepare MakePostgresPrepare(const ServiceConfig& config, const ServiceSchema& schema,
                                    Logger& logger) {
  const std::string_view seed = config.seed_demo_data ? schema.demo_data : std::string_view();
  return [pool_max = config.database.max_connections, files = schema.migrations, seed, &logger](
             const CallContext& call, PostgresConnection& connection) -> absl::Status {
    const absl::StatusOr<std::vector<Migration>> migrations = ParseMigrations(files);
    if (!migrations.ok()) return migrations.status();
    if (absl::Status status = ReportPostgresBudget(call, connection, pool_max, logger);
        !status.ok()) {
      return status;
    }
    return ApplyMigrations(call, connection, *migrations, seed, logger);
  };
}

}  // namespace scaleout
