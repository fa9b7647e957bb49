// The door between libpqxx's exceptions and absl::Status: the only place that translates one into
// the other. What is wrong with a row that was read is noted in the row (postgres_row.h).
//
// clang-format off
//   connection lost, server going down, refused    UNAVAILABLE, reason DATABASE_UNAVAILABLE
//   connection lost during a commit                UNAVAILABLE, reason COMMIT_IN_DOUBT
//   out of memory, disk, connections (class 53)    UNAVAILABLE, reason DATABASE_OVERLOADED
//   statement timeout, cancelled                   DEADLINE_EXCEEDED
//   serialization failure, deadlock, lock timeout  ABORTED
//   unique violation                               ALREADY_EXISTS
//   check, not-null, value out of range            INVALID_ARGUMENT
//   foreign key                                    FAILED_PRECONDITION
//   anything else, which is a defect               INTERNAL
// clang-format on
//
// Only the first two end the connection. The status's message is fit for clients: it holds no SQL
// and no values. `detail` is for the log. Pure functions.
#ifndef SCALEOUT_POSTGRES_POSTGRES_ERROR_H_
#define SCALEOUT_POSTGRES_POSTGRES_ERROR_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace scaleout {

struct PostgresError {
  absl::Status status;
  std::string detail;
  bool connection_lost = false;
};

// UNAVAILABLE with reason DATABASE_UNAVAILABLE: no server, or none that answers.
absl::Status DatabaseUnavailable();

// Of the exception that is being handled; call it in a catch block.
PostgresError CurrentPostgresError();

// Of an SQLSTATE ("23505") as PostgreSQL reports it.
PostgresError PostgresErrorOf(std::string_view sqlstate, std::string detail);

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_ERROR_H_
