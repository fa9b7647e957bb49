#include "postgres/postgres_budget.h"

#include <algorithm>

#include "common/str_cat.h"

namespace scaleout {
namespace {

// reserved_connections came with PostgreSQL 16.
constexpr const char* kReadBudget =
    "SELECT current_setting('max_connections')::int,"
    "       current_setting('superuser_reserved_connections')::int"
    "         + coalesce(current_setting('reserved_connections', true)::int, 0),"
    "       (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),"
    "       (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),"
    "       (SELECT sum(numbackends)::int FROM pg_stat_database)";

}  // namespace

int PostgresBudget::Available() const {
  int available = max_connections - reserved;
  if (role_limit >= 0) available = std::min(available, role_limit);
  if (database_limit >= 0) available = std::min(available, database_limit);
  return available;
}

absl::StatusOr<PostgresBudget> ReadPostgresBudget(PostgresConnection& connection) {
  const absl::StatusOr<pqxx::result> rows = connection.ExecOnce(kReadBudget);
  if (!rows.ok()) return rows.status();
  const pqxx::row row = rows->front();
  PostgresBudget budget;
  budget.max_connections = row[0].as<int>();
  budget.reserved = row[1].as<int>();
  budget.role_limit = row[2].as<int>();
  budget.database_limit = row[3].as<int>();
  budget.in_use = row[4].as<int>();
  return budget;
}

absl::Status CheckPostgresBudget(const PostgresBudget& budget, int pool_max) {
  if (pool_max <= budget.Available()) return absl::OkStatus();
  return absl::FailedPreconditionError(StrCat("DB_POOL_MAX is ", pool_max,
                                              ", but the server gives this role at most ",
                                              budget.Available(), " connections"));
}

absl::Status ReportPostgresBudget(PostgresConnection& connection, int pool_max, Logger& logger) {
  const absl::StatusOr<PostgresBudget> budget = ReadPostgresBudget(connection);
  if (!budget.ok()) return budget.status();
  logger.Info("connection budget", {{"poolMax", pool_max},
                                    {"serverMax", budget->max_connections},
                                    {"serverReserved", budget->reserved},
                                    {"available", budget->Available()},
                                    {"inUse", budget->in_use}});
  return CheckPostgresBudget(*budget, pool_max);
}

}  // namespace scaleout
