#include "postgres/postgres_row.h"

#include <charconv>
#include <chrono>
#include <exception>
#include <system_error>

#include "common/str_cat.h"
#include "postgres/postgres_result.h"

namespace scaleout {

PostgresRow::Source::Number PostgresRow::Source::NumberOf(PostgresColumn column) {
  const std::size_t known = columns.size();
  for (std::size_t i = 0; i < known; ++i) {
    if (next_column == known) next_column = 0;
    const Column& candidate = columns[next_column++];
    if (candidate.name == column.name()) return candidate.number;
  }
  const Number number = row->column_number(column.name());
  columns.push_back({column.name(), number});
  next_column = 0;
  return number;
}

void PostgresRow::Source::BeginRow(const pqxx::row& next) {
  row = &next;
  field.emplace(next.begin());
  field_number = 0;
}

const pqxx::field& PostgresRow::Source::FieldOf(PostgresColumn column) {
  const Number number = NumberOf(column);
  *field += static_cast<pqxx::row::difference_type>(number) -
            static_cast<pqxx::row::difference_type>(field_number);
  field_number = number;
  return *field;
}

bool PostgresRow::IsNull(PostgresColumn column) const {
  try {
    return source_.FieldOf(column).is_null();
  } catch (const std::exception&) {
    AddProblem(column, "is missing");
    return true;
  }
}

bool PostgresRow::Bool(PostgresColumn column) const {
  const std::optional<std::string_view> text = Value(column);
  if (text && *text != "t" && *text != "f") AddProblem(column, "holds no boolean");
  return text == "t";
}

std::int32_t PostgresRow::Int32(PostgresColumn column) const { return Parse<std::int32_t>(column); }

std::int64_t PostgresRow::Int64(PostgresColumn column) const { return Parse<std::int64_t>(column); }

std::string PostgresRow::Text(PostgresColumn column) const {
  return std::string(Value(column).value_or(std::string_view()));
}

WallTime PostgresRow::Time(PostgresColumn column) const {
  const std::chrono::microseconds time(Int64(column));
  using Ticks = WallTime::duration;
  if (time > std::chrono::duration_cast<std::chrono::microseconds>(Ticks::max()) ||
      time < std::chrono::duration_cast<std::chrono::microseconds>(Ticks::min())) {
    AddProblem(column, "holds a time that is out of range");
    return WallTime();
  }
  return WallTime(std::chrono::duration_cast<Ticks>(time));
}

std::size_t PostgresRow::result_size() const { return source_.result_size; }

std::optional<std::string_view> PostgresRow::Value(PostgresColumn column) const {
  try {
    const pqxx::field& field = source_.FieldOf(column);
    const std::size_t size = field.size();
    // NULL has no bytes.
    if (size > 0 || !field.is_null()) return std::string_view(field.c_str(), size);
    AddProblem(column, "is null, where a value is expected");
  } catch (const std::exception&) {
    AddProblem(column, "is missing");
  }
  return std::nullopt;
}

template <typename Number>
Number PostgresRow::Parse(PostgresColumn column) const {
  Number number = 0;
  if (const std::optional<std::string_view> text = Value(column)) {
    const char* end = text->data() + text->size();
    const auto [parsed, error] = std::from_chars(text->data(), end, number);
    if (error == std::errc::result_out_of_range) {
      AddProblem(column, "holds a number that is out of range");
    } else if (error != std::errc() || parsed != end) {
      AddProblem(column, "holds no whole number");
    }
  }
  return number;
}

void PostgresRow::AddProblem(PostgresColumn column, std::string_view what) const {
  if (!source_.problem.empty()) return;
  source_.problem = StrCat("column ", column.name(), " of ", source_.statement, " ", what);
}

}  // namespace scaleout
