#include "postgres/postgres_error.h"

#include <pqxx/except>

#include <exception>
#include <utility>

#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

// 08 connection, 57P shutdown, 28 login and 3D catalog while a server is being set up, 25006 a
// server that has become a standby. All of them are transient, and of no use to a later statement
// on the same connection. Class 53, a lack of disk, memory or the like, is not among them: it
// concerns one statement.
bool EndsTheConnection(std::string_view sqlstate) {
  const std::string_view sql_class = sqlstate.substr(0, 2);
  return sql_class == "08" || sql_class == "28" || sql_class == "3D" || sqlstate == "25006" ||
         sqlstate.substr(0, 3) == "57P";
}

absl::Status StatusOfSqlState(std::string_view sqlstate) {
  const std::string_view sql_class = sqlstate.substr(0, 2);
  if (sqlstate == "57014") return absl::DeadlineExceededError("the statement was cancelled");
  if (sqlstate == "23505") return absl::AlreadyExistsError("a unique value is taken");
  if (sqlstate == "23503") return absl::FailedPreconditionError("a referenced row is missing");
  if (sqlstate == "23514" || sqlstate == "23502" || sqlstate == "22003") {
    return absl::InvalidArgumentError("a value is out of its range");
  }
  if (sql_class == "40" || sqlstate == "55P03") {
    return absl::AbortedError("conflict with a concurrent change");
  }
  if (sql_class == "53") {
    return WithReason(absl::UnavailableError("the database is out of resources"),
                      "DATABASE_OVERLOADED");
  }
  if (EndsTheConnection(sqlstate)) return DatabaseUnavailable();
  return absl::InternalError("the database refused a statement");
}

}  // namespace

absl::Status DatabaseUnavailable() {
  return WithReason(absl::UnavailableError("the database cannot be reached"),
                    "DATABASE_UNAVAILABLE");
}

PostgresError PostgresErrorOf(std::string_view sqlstate, std::string detail) {
  PostgresError error;
  error.status = StatusOfSqlState(sqlstate);
  error.detail = StrCat(sqlstate, " ", detail);
  error.connection_lost = EndsTheConnection(sqlstate);
  return error;
}

PostgresError CurrentPostgresError() {
  try {
    throw;
  } catch (const pqxx::in_doubt_error& e) {
    return {WithReason(absl::UnavailableError("the connection broke while a change was committed"),
                       "COMMIT_IN_DOUBT"),
            e.what(), true};
  } catch (const pqxx::broken_connection& e) {
    return {DatabaseUnavailable(), e.what(), true};
  } catch (const pqxx::transaction_rollback& e) {
    return PostgresErrorOf("40001", e.what());
  } catch (const pqxx::sql_error& e) {
    return PostgresErrorOf(e.sqlstate(), e.what());
  } catch (const std::exception& e) {
    return {absl::InternalError("the database client failed"), e.what(), false};
  }
}

}  // namespace scaleout
