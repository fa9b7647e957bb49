// One connection to PostgreSQL.
//
// A connection prepares each statement once, and keeps the server's statement_timeout just above
// what is left of the call: the setting moves in steps (kStatementTimeoutSteps), so that it rarely
// costs a round trip. Everything that waits for the server is watched (postgres_watchdog.h), so
// that a server that does not answer is waited for until the call is over and kDisconnectAfter
// longer, and then the connection is lost. A commit is never cancelled, because its outcome would
// be unknown: it is waited for up to kCommitLimit. Errors leave through postgres_error.h. After
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
#include "postgres/postgres_conninfo.h"
#include "postgres/postgres_row.h"
#include "postgres/postgres_session.h"
#include "postgres/postgres_statement.h"
#include "postgres/postgres_watchdog.h"

namespace scaleout {

// How long the end of a transaction, a commit or a rollback, is waited for.
inline constexpr std::chrono::milliseconds kCommitLimit{5000};

// The smallest step that is not below `remaining`, and never above `limit`.
std::chrono::milliseconds StatementTimeoutStep(Duration remaining, std::chrono::milliseconds limit);

// A statement's answer, in postgres_result.h.
class PostgresResult;

class PostgresConnection {
 public:
  // Waits for the server for as long as `call` may last, and at most kConnectLimit for each of its
  // addresses. UNAVAILABLE, with a reason for the log. All references but `call` must outlive the
  // connection.
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Open(
      const CallContext& call, const PostgresConnectOptions& options, PostgresWatchdog& watchdog,
      Logger& logger, const Clock& clock);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  // One statement, committed by itself: PostgreSQL makes it atomic without a BEGIN around it.
  absl::StatusOr<PostgresResult> Run(const CallContext& call, const PostgresStatement& statement,
                                     PostgresParams params);
  // Commits if `body` answers OK, else rolls back. OK means that it is on the server's disk.
  absl::Status Transact(const CallContext& call, const PostgresBody& body);
  // OK if the server answers within `limit`, DEADLINE_EXCEEDED if it does not, UNAVAILABLE if the
  // connection is broken. Unless OK the connection is lost.
  absl::Status CheckAlive(Duration limit);

  // For what runs at start. statement_timeout does not apply: it may take as long as `call` lasts.
  //
  // Several statements at once, as a file has them, in one transaction.
  absl::Status ExecScript(const CallContext& call, const std::string& sql);
  // As ExecScript, but each statement commits by itself.
  absl::Status ExecUnwrapped(const CallContext& call, const std::string& sql);
  // One statement that is not prepared. What `map` makes of each row.
  template <typename Map>
  absl::StatusOr<std::vector<PostgresMapped<Map>>> QueryOnce(const CallContext& call,
                                                             const PostgresStatement& statement,
                                                             const Map& map) {
    return MapRows(map, [&](PostgresRowReader read) { return RunOnce(call, statement, read); });
  }

  bool connection_lost() const;

 private:
  class Session;
  struct Impl;
  explicit PostgresConnection(std::unique_ptr<Impl> impl);

  absl::StatusOr<std::int64_t> RunOnce(const CallContext& call, const PostgresStatement& statement,
                                       PostgresRowReader read);

  std::unique_ptr<Impl> impl_;
};

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_CONNECTION_H_
