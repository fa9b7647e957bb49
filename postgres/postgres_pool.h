// A bounded pool of connections to PostgreSQL that survives the server.
//
// At most `max_connections`, made when they are needed by the pool's own threads, a few at a time,
// so that a caller waits for `wait_limit` or to its deadline, whichever is first. Callers are
// served in the order they came. A connection that broke is dropped, and so are the idle ones
// beside it.
//
// reachable() is right within three seconds: when no caller has had an answer for a second, the
// pool asks the server itself, and a server that does not answer within a limit counts as away,
// frozen or not. While it is away calls fail at once with UNAVAILABLE, callers that wait are
// refused, and the pool tries again with backoff; when it is back, calls succeed again.
//
// Before the first call is let in, `prepare` runs once on the first connection (migrations,
// budget). If it fails for a reason that will not pass, the pool stays shut and says so
// (PostgresPoolEvents::fatal). The destructor ends what the pool itself waits for, `prepare` too.
// Thread-safe.
#ifndef SCALEOUT_POSTGRES_POSTGRES_POOL_H_
#define SCALEOUT_POSTGRES_POSTGRES_POOL_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "postgres/postgres_connection.h"
#include "postgres/postgres_row.h"
#include "postgres/postgres_session.h"
#include "postgres/postgres_statement.h"

namespace scaleout {

struct PostgresPoolOptions {
  std::string name = "requests";  // in metrics
  PostgresConnectOptions connect;
  int max_connections = 6;
  std::chrono::milliseconds wait_limit{500};
};

// `call` is over when the pool is destroyed.
using PostgresPrepare = std::function<absl::Status(const CallContext& call, PostgresConnection&)>;

// Both are called from a thread of the pool and must not call back into it.
struct PostgresPoolEvents {
  // The server can be reached, or no longer; called at every change, and first when the pool is
  // ready or not.
  std::function<void(bool reachable)> reachable;
  // `prepare` failed and trying again would not help.
  std::function<void(const absl::Status&)> fatal;
};

class PostgresPool {
 public:
  // Connects in the background; the references must outlive the pool.
  PostgresPool(PostgresPoolOptions options, PostgresPrepare prepare, PostgresPoolEvents events,
               Logger& logger, Metrics& metrics, const Clock& clock);
  // Every call has ended by then.
  ~PostgresPool();
  PostgresPool(const PostgresPool&) = delete;
  PostgresPool& operator=(const PostgresPool&) = delete;

  // A single statement, reading or writing, atomic by itself; the cheap way. Rows are read after
  // the connection has gone back to the pool. What `map`, a function of a PostgresRow, makes of
  // each row.
  template <typename Map>
  absl::StatusOr<std::vector<PostgresMapped<Map>>> Query(const CallContext& call,
                                                         const PostgresStatement& statement,
                                                         PostgresParams params, const Map& map) {
    return MapRows(map, [&](PostgresRowReader read) { return Run(call, statement, params, read); });
  }
  // As Query, of the first row; nothing if there is none.
  template <typename Map>
  absl::StatusOr<std::optional<PostgresMapped<Map>>> FindRow(const CallContext& call,
                                                             const PostgresStatement& statement,
                                                             PostgresParams params,
                                                             const Map& map) {
    return MapFirstRow(map,
                       [&](PostgresRowReader read) { return Run(call, statement, params, read); });
  }
  // As Query, for rows that are not one value each.
  absl::Status ForEachRow(const CallContext& call, const PostgresStatement& statement,
                          PostgresParams params, PostgresRowReader read) {
    return Run(call, statement, params, read).status();
  }
  // As Query, for the number of rows that the statement changed.
  absl::StatusOr<std::int64_t> Execute(const CallContext& call, const PostgresStatement& statement,
                                       PostgresParams params = {}) {
    return Run(call, statement, params, [](const PostgresRow&) {});
  }
  // Several statements that commit together or not at all. `body` may run only once: it is never
  // retried here.
  absl::Status Transact(const CallContext& call, const PostgresBody& body);

  bool reachable() const;

 private:
  struct Impl;

  // The number of rows that the statement answered or changed.
  absl::StatusOr<std::int64_t> Run(const CallContext& call, const PostgresStatement& statement,
                                   PostgresParams params, PostgresRowReader read);

  std::unique_ptr<Impl> impl_;
};

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_POOL_H_
