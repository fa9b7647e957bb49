// Makes connections to PostgreSQL for callers that must not be held up.
//
// Internal to postgres/: it names libpq. libpq blocks for as long as the resolver looks a host name
// up, and for kConnectLimit, unless the connection string has another connect_timeout, at each
// address that does not answer (frozen, or behind a filter that drops packets); then it tries the
// next one. It runs on a thread of its own: the caller waits for it while its call lasts and no
// longer, and what an abandoned thread still brings is closed there. Thread-safe.
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

inline constexpr std::chrono::seconds kConnectLimit{2};

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

// Whether a server is at one of the addresses and answers within kConnectLimit, be it with a
// refusal. False if `call` is over first.
bool AnswersPostgres(const PostgresConnectOptions& options, const CallContext& call,
                     const Clock& clock);

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_CONNECT_H_
