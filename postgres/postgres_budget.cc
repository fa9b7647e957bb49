#include "postgres/postgres_budget.h"

#include <algorithm>
#include <vector>

#include "common/str_cat.h"

namespace scaleout {
namespace {

// reserved_connections came with PostgreSQL 16.
constexpr PostgresStatement kReadBudget = {
    "read_budget",
    "SELECT current_setting('max_connections')::int AS max_connections,"
    "       current_setting('superuser_reserved_connections')::int"
    "         + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,"
    "       (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,"
    "       (SELECT datconnlimit FROM pg_database WHERE datname = current_database())"
    "         AS database_limit,"
    "       (SELECT sum(numbackends)::int FROM pg_stat_database) AS in_use"};

PostgresBudget ToBudget(const PostgresRow& row) {
  PostgresBudget budget;
  budget.max_connections = row.Int32("max_connections");
  budget.reserved = row.Int32("reserved");
  budget.role_limit = row.Int32("role_limit");
  budget.database_limit = row.Int32("database_limit");
  budget.in_use = row.Int32("in_use");
  return budget;
}

}  // namespace

int PostgresBudget::Available() const {
  int available = max_connections - reserved;
  if (role_limit >= 0) available = std::min(available, role_limit);
  if (database_limit >= 0) available = std::min(available, database_limit);
  return available;
}

absl::StatusOr<PostgresBudget> ReadPostgresBudget(const CallContext& call,
                                                  PostgresConnection& connection) {
  const absl::StatusOr<std::vector<PostgresBudget>> rows =
      connection.QueryOnce(call, kReadBudget, ToBudget);
  if (!rows.ok()) return rows.status();
  return rows->front();
}

absl::Status CheckPostgresBudget(const PostgresBudget& budget, int pool_max) {
  if (pool_max <= budget.Available()) return absl::OkStatus();
  return absl::FailedPreconditionError(StrCat("DB_POOL_MAX is ", pool_max,
                                              ", but the server gives this role at most ",
                                              budget.Available(), " connections"));
}

absl::Status ReportPostgresBudget(const CallContext& call, PostgresConnection& connection,
                                  int pool_max, Logger& logger) {
  const absl::StatusOr<PostgresBudget> budget = ReadPostgresBudget(call, connection);
  if (!budget.ok()) return budget.status();
  logger.Info("connection budget", {{"poolMax", pool_max},
                                    {"serverMax", budget->max_connections},
                                    {"serverReserved", budget->reserved},
                                    {"available", budget->Available()},
                                    {"inUse", budget->in_use}});
  return CheckPostgresBudget(*budget, pool_max);
}

}  // namespace scaleout
