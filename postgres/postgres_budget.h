// The connection budget: what this replica may take against what the server gives.
//
// DB_POOL_MAX x replicas of every service must stay below the server's max_connections minus its
// reserve. No replica knows the others, so each checks its own share and reports the figures, so
// that an operator can add them up.
#ifndef SCALEOUT_POSTGRES_POSTGRES_BUDGET_H_
#define SCALEOUT_POSTGRES_POSTGRES_BUDGET_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/log.h"
#include "postgres/postgres_connection.h"

namespace scaleout {

struct PostgresBudget {
  int max_connections = 0;  // the server's
  int reserved = 0;         // of them, for superusers and other privileged roles
  int role_limit = -1;      // the role's own; -1: none
  int database_limit = -1;  // the database's own; -1: none
  int in_use = 0;           // by every client of the server, now

  // What one role can have at most.
  int Available() const;
};

absl::StatusOr<PostgresBudget> ReadPostgresBudget(const CallContext& call,
                                                  PostgresConnection& connection);

// FAILED_PRECONDITION if a pool of `pool_max` alone is more than there is.
absl::Status CheckPostgresBudget(const PostgresBudget& budget, int pool_max);

// Reads, logs and checks.
absl::Status ReportPostgresBudget(const CallContext& call, PostgresConnection& connection,
                                  int pool_max, Logger& logger);

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_BUDGET_H_
