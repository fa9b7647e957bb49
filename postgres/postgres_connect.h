// Makes connections to PostgreSQL without blocking for longer than a limit.
//
// Internal to postgres/: it names libpq. libpq's own connect_timeout counts whole seconds from two
// up, and its blocking functions cannot be interrupted; here the calling thread polls libpq's
// socket, so that a server that accepts connections and does not answer (frozen, or behind a filter
// that drops packets) costs kConnectLimit, and a call that is over costs nothing more. The limit is
// for all addresses of a host name together. Looking the name up is libpq's, and blocks as long as
// the resolver does. Thread-safe.
#ifndef SCALEOUT_POSTGRES_POSTGRES_CONNECT_H_
#define SCALEOUT_POSTGRES_POSTGRES_CONNECT_H_

#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <memory>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "common/clock.h"
#include "postgres/postgres_conninfo.h"
#include "postgres/postgres_watchdog.h"

namespace scaleout {

inline constexpr std::chrono::milliseconds kConnectLimit{2000};

// For one connection. It may outlive the connection, and then does nothing.
class LibpqInterrupter final : public PostgresInterrupter {
 public:
  // `connection` is established.
  explicit LibpqInterrupter(PGconn* connection);
  ~LibpqInterrupter() override;
  LibpqInterrupter(const LibpqInterrupter&) = delete;
  LibpqInterrupter& operator=(const LibpqInterrupter&) = delete;

  void Cancel() override;
  void Disconnect() override;
  // Whether the system has given what it needs. Without, nothing ends a wait.
  bool valid() const { return cancel_ != nullptr && socket_ >= 0; }
  bool disconnected() const { return disconnected_; }

 private:
  const std::unique_ptr<PGcancel, void (*)(PGcancel*)> cancel_;
  // A descriptor of its own for the connection's socket: libpq's may be closed, and its number
  // given to another, at any time.
  const int socket_;
  std::atomic<bool> disconnected_ = false;
};

using LibpqConnection = std::unique_ptr<PGconn, void (*)(PGconn*)>;

// UNAVAILABLE with libpq's reason, which names host, role and database but no password.
absl::StatusOr<LibpqConnection> Connect(const PostgresConnectOptions& options,
                                        const CallContext& call, const Clock& clock);

// Whether a server is at that address and answers, be it with a refusal; does not log in. Blocks
// for 2 s for each address at most.
bool AnswersPostgres(const PostgresConnectOptions& options);

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_CONNECT_H_
