// Runs statements in one transaction (PostgresPool::Transact).
//
// Every statement asks first for what is left of the call. After an error, of PostgreSQL or of
// reading a row, every further statement is refused with it, and the transaction is rolled back
// even if its body answers OK. Only valid in the body it is passed to, and in that thread.
#ifndef SCALEOUT_POSTGRES_POSTGRES_SESSION_H_
#define SCALEOUT_POSTGRES_POSTGRES_SESSION_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "postgres/postgres_row.h"
#include "postgres/postgres_statement.h"

namespace scaleout {

class PostgresSession {
 public:
  virtual ~PostgresSession() = default;

  // As the methods of PostgresPool that have these names.
  template <typename Map>
  absl::StatusOr<std::vector<PostgresMapped<Map>>> Query(const PostgresStatement& statement,
                                                         PostgresParams params, const Map& map) {
    return MapRows(map, [&](PostgresRowReader read) { return Run(statement, params, read); });
  }
  template <typename Map>
  absl::StatusOr<std::optional<PostgresMapped<Map>>> FindRow(const PostgresStatement& statement,
                                                             PostgresParams params,
                                                             const Map& map) {
    return MapFirstRow(map, [&](PostgresRowReader read) { return Run(statement, params, read); });
  }
  absl::Status ForEachRow(const PostgresStatement& statement, PostgresParams params,
                          PostgresRowReader read) {
    return Run(statement, params, read).status();
  }
  absl::StatusOr<std::int64_t> Execute(const PostgresStatement& statement,
                                       PostgresParams params = {}) {
    return Run(statement, params, [](const PostgresRow&) {});
  }

 private:
  // The number of rows that the statement answered or changed.
  virtual absl::StatusOr<std::int64_t> Run(const PostgresStatement& statement,
                                           PostgresParams params, PostgresRowReader read) = 0;
};

using PostgresBody = std::function<absl::Status(PostgresSession&)>;

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_SESSION_H_
