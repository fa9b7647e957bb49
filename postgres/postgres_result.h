// A statement's answer as libpqxx has it, and how rows are read from it.
//
// Internal to postgres/: only its .cc files include it, because it names libpqxx. Nothing here
// talks to the server, so an answer can be read after its connection has gone back to the pool. Not
// thread-safe.
#ifndef SCALEOUT_POSTGRES_POSTGRES_RESULT_H_
#define SCALEOUT_POSTGRES_POSTGRES_RESULT_H_

#include <pqxx/result>
#include <pqxx/row>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "postgres/postgres_row.h"

namespace scaleout {

struct PostgresRow::Source {
  using Number = pqxx::row::size_type;
  // A column that was read before; `name` is compared by its address.
  struct Column {
    const char* name;
    Number number;
  };

  // Throws if the answer has no such column. Columns are mostly read in the same order in every
  // row, so that the search begins after the column that was read last.
  Number NumberOf(PostgresColumn column);
  void BeginRow(const pqxx::row& next);
  // The row's field of that column, until the next call. One object goes from field to field: each
  // pqxx::field holds the answer by reference counts of its own, which cost more than the value.
  const pqxx::field& FieldOf(PostgresColumn column);

  const char* statement;
  std::size_t result_size = 0;
  const pqxx::row* row = nullptr;
  std::optional<pqxx::const_row_iterator> field = {};
  Number field_number = 0;
  std::vector<Column> columns = {};
  std::size_t next_column = 0;
  std::string problem = {};  // empty: none so far
};

class PostgresResult {
 public:
  // `statement` is what errors call the statement; it must outlive the result.
  PostgresResult(pqxx::result rows, const char* statement);

  // Calls `read` for each row, up to the first that has a problem. The number of rows that the
  // statement answered or changed; INTERNAL if a row has a problem or `read` throws.
  absl::StatusOr<std::int64_t> Read(PostgresRowReader read) const;

 private:
  pqxx::result rows_;
  const char* statement_;
};

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_RESULT_H_
