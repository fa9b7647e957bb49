#include "postgres/postgres_result.h"

#include <exception>
#include <utility>

#include "common/str_cat.h"

namespace scaleout {

PostgresResult::PostgresResult(pqxx::result rows, const char* statement)
    : rows_(std::move(rows)), statement_(statement) {}

absl::StatusOr<std::int64_t> PostgresResult::Read(PostgresRowReader read) const {
  try {
    PostgresRow::Source source{statement_, static_cast<std::size_t>(rows_.size())};
    source.columns.reserve(static_cast<std::size_t>(rows_.columns()));
    const auto end = rows_.end();
    for (auto row = rows_.begin(); row != end; ++row) {
      source.BeginRow(*row.operator->());
      read(PostgresRow(source));
      if (!source.problem.empty()) return absl::InternalError(source.problem);
    }
    return static_cast<std::int64_t>(rows_.affected_rows());
  } catch (const std::exception&) {
    // What the exception says may hold values.
    return absl::InternalError(StrCat("the rows of ", statement_, " could not be read"));
  }
}

}  // namespace scaleout
