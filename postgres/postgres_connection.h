// One connection to PostgreSQL.
//
// A connection prepares each statement once, watches it (postgres_watchdog.h), and keeps the
// server's statement_timeout just above what is left of the call: the setting moves in steps
// (kStatementTimeoutSteps), so that it rarely costs a round trip. A commit is not watched: once it
// is asked for, its outcome is waited for. Errors leave through postgres_error.h. After
// connection_lost() nothing works any more. Used by one thread at a time.
#ifndef SCALEOUT_POSTGRES_POSTGRES_CONNECTION_H_
#define SCALEOUT_POSTGRES_POSTGRES_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/log.h"
#include "postgres/postgres_row.h"
#include "postgres/postgres_session.h"
#include "postgres/postgres_statement.h"
#include "postgres/postgres_watchdog.h"

namespace scaleout {

struct PostgresConnectOptions {
  std::string conninfo;  // libpq's, without the password
  std::string password;  // empty: none is sent
  std::string application_name;
  // No statement may run longer, whatever its call's deadline.
  std::chrono::milliseconds statement_timeout{3000};
};

// The smallest step that is not below `remaining`, and never above `limit`.
std::chrono::milliseconds StatementTimeoutStep(Duration remaining, std::chrono::milliseconds limit);

// A statement's answer, in postgres_result.h.
class PostgresResult;

class PostgresConnection {
 public:
  // Waits for the server, at most a few seconds. All references must outlive the connection.
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Open(
      const PostgresConnectOptions& options, PostgresWatchdog& watchdog, Logger& logger,
      const Clock& clock);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  // One statement, committed by itself: PostgreSQL makes it atomic without a BEGIN around it.
  absl::StatusOr<PostgresResult> Run(const CallContext& call, const PostgresStatement& statement,
                                     PostgresParams params);
  // Commits if `body` answers OK, else rolls back. OK means that it is on the server's disk.
  absl::Status Transact(const CallContext& call, const PostgresBody& body);
  // Several statements at once, as a file has them, in one transaction and under no deadline; for
  // what runs at start.
  absl::Status ExecScript(const std::string& sql);
  // As ExecScript, but each statement commits by itself.
  absl::Status ExecUnwrapped(const std::string& sql);
  // One statement that is not prepared, under no deadline; for what runs at start. What `map` makes
  // of each row.
  template <typename Map>
  absl::StatusOr<std::vector<PostgresMapped<Map>>> QueryOnce(const PostgresStatement& statement,
                                                             const Map& map) {
    return MapRows(map, [&](PostgresRowReader read) { return RunOnce(statement, read); });
  }

  bool connection_lost() const;

 private:
  class Session;
  struct Impl;
  explicit PostgresConnection(std::unique_ptr<Impl> impl);

  absl::StatusOr<std::int64_t> RunOnce(const PostgresStatement& statement, PostgresRowReader read);

  std::unique_ptr<Impl> impl_;
};

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_CONNECTION_H_
