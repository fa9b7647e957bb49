// One row of an answer, read column by column.
//
// A repository describes each shape of row once, as a function from a PostgresRow to its own
// struct, and passes that to Query() or FindRow() (postgres_pool.h, postgres_session.h). A getter
// never throws. If its column is missing, is null or holds text of another type, it answers a
// default value and notes the problem in the row; the query then answers INTERNAL with the names
// of the statement and the column, never with the value. A row is valid only inside the function
// that it is passed to, and only in that thread.
//
// A column is looked up by its name once for an answer, not for each row: a name is a string
// literal, so that its address stands for it from then on.
#ifndef SCALEOUT_POSTGRES_POSTGRES_ROW_H_
#define SCALEOUT_POSTGRES_POSTGRES_ROW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"

namespace scaleout {

// A column's name, which is a string literal.
class PostgresColumn {
 public:
  // Implicit, so that a call has the name alone: row.Int64("id").
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval PostgresColumn(const char* name) : name_(name) {}

  const char* name() const { return name_; }

 private:
  const char* name_;
};

class PostgresRow {
 public:
  // What it is read from; in postgres_result.h, out of sight of those who read.
  struct Source;
  explicit PostgresRow(Source& source) : source_(source) {}
  PostgresRow(const PostgresRow&) = delete;
  PostgresRow& operator=(const PostgresRow&) = delete;

  bool IsNull(PostgresColumn column) const;
  bool Bool(PostgresColumn column) const;
  std::int32_t Int32(PostgresColumn column) const;
  std::int64_t Int64(PostgresColumn column) const;
  std::string Text(PostgresColumn column) const;
  // Of a column with microseconds since 1970, as `(date_part('epoch', t) * 1000000)::bigint`. That
  // is double precision, which is exact to the microsecond from 1834 to 2106; extract() computes
  // with numeric, at many times the cost.
  WallTime Time(PostgresColumn column) const;
  // Of text for which `parse` knows a value: std::optional<T>(std::string_view). No value for it is
  // a problem as well.
  template <typename Parse>
  auto Parsed(PostgresColumn column, const Parse& parse) const {
    auto value = std::invoke_result_t<const Parse&, std::string_view>();
    if (const std::optional<std::string_view> text = Value(column)) {
      value = parse(*text);
      if (!value) AddProblem(column, "holds a value that this program does not know");
    }
    using Known = typename decltype(value)::value_type;
    return value ? *std::move(value) : Known();
  }

  // How many rows the answer has.
  std::size_t result_size() const;

 private:
  // The column's text, which lives as long as the answer; nothing, and a problem, if it has none.
  std::optional<std::string_view> Value(PostgresColumn column) const;
  template <typename Number>
  Number Parse(PostgresColumn column) const;
  // Only the first is reported.
  void AddProblem(PostgresColumn column, std::string_view what) const;

  Source& source_;
};

// What is called for each row, in the answer's order.
using PostgresRowReader = absl::FunctionRef<void(const PostgresRow&)>;

// What `Map`, a function of a row, makes of it.
template <typename Map>
using PostgresMapped = std::invoke_result_t<const Map&, const PostgresRow&>;

// The values of all rows that `run` passes to its reader; the status of `run` if that is not OK.
template <typename Map, typename Run>
absl::StatusOr<std::vector<PostgresMapped<Map>>> MapRows(const Map& map, const Run& run) {
  std::vector<PostgresMapped<Map>> values;
  const absl::StatusOr<std::int64_t> rows = run([&](const PostgresRow& row) {
    if (values.empty()) values.reserve(row.result_size());
    values.push_back(map(row));
  });
  if (!rows.ok()) return rows.status();
  return values;
}

// As MapRows, of the first row alone.
template <typename Map, typename Run>
absl::StatusOr<std::optional<PostgresMapped<Map>>> MapFirstRow(const Map& map, const Run& run) {
  std::optional<PostgresMapped<Map>> value;
  const absl::StatusOr<std::int64_t> rows = run([&](const PostgresRow& row) {
    if (!value) value = map(row);
  });
  if (!rows.ok()) return rows.status();
  return value;
}

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_ROW_H_
