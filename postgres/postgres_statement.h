// A statement with a name, and the values that go into it.
//
// A repository writes its statements once, as constants at the top of its .cc. The name is the
// prepared statement's name on each connection, so it is unique within a service; it is also what a
// log line calls the statement.
#ifndef SCALEOUT_POSTGRES_POSTGRES_STATEMENT_H_
#define SCALEOUT_POSTGRES_POSTGRES_STATEMENT_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace scaleout {

struct PostgresStatement {
  const char* name;
  const char* sql;
};

// One parameter, as text, which PostgreSQL casts to the type that the statement asks for.
class PostgresParam {
 public:
  // Implicit, so that a call lists its values as they are: {id, name, std::nullopt}.
  // NOLINTBEGIN(google-explicit-constructor)
  PostgresParam(std::int32_t value) : text_(std::to_string(value)) {}
  PostgresParam(std::int64_t value) : text_(std::to_string(value)) {}
  PostgresParam(std::string value) : text_(std::move(value)) {}
  PostgresParam(const char* value) : text_(value) {}
  PostgresParam(std::nullopt_t) {}
  PostgresParam(std::optional<std::string> value) : text_(std::move(value)) {}
  // An array, for `= ANY($1::bigint[])`.
  PostgresParam(const std::vector<std::int64_t>& values);
  PostgresParam(const std::vector<std::string>& values);
  // NOLINTEND(google-explicit-constructor)

  const std::optional<std::string>& text() const { return text_; }

 private:
  std::optional<std::string> text_;
};

// The values for $1, $2 ... of a statement, in place.
using PostgresParams = std::initializer_list<PostgresParam>;

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_STATEMENT_H_
