#include "postgres/postgres_connect.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "common/str_cat.h"

namespace scaleout {
namespace {

using std::chrono::milliseconds;

// How soon a connection that is being made notices that its call is over.
constexpr milliseconds kLookEvery{20};

// What libpq's functions take: keywords and their values, each ended by a null. What comes later
// replaces what came before.
class Parameters {
 public:
  static absl::StatusOr<Parameters> Make(const PostgresConnectOptions& options) {
    auto given = ParseConninfo(options.conninfo);
    if (!given.ok()) {
      return absl::UnavailableError(
          StrCat("the connection string ", FromAbsl(given.status().message())));
    }
    Parameters parameters;
    parameters.pairs_ = {
        {"connect_timeout", "2"},      {"keepalives_idle", "5"},
        {"keepalives_interval", "2"},  {"keepalives_count", "3"},
        {"tcp_user_timeout", "10000"}, {"application_name", options.application_name}};
    for (auto& pair : *given) parameters.pairs_.push_back(std::move(pair));
    if (!options.password.empty()) parameters.pairs_.emplace_back("password", options.password);
    for (const auto& [keyword, value] : parameters.pairs_) {
      parameters.keywords_.push_back(keyword.c_str());
      parameters.values_.push_back(value.c_str());
    }
    parameters.keywords_.push_back(nullptr);
    parameters.values_.push_back(nullptr);
    return parameters;
  }

  Parameters(Parameters&&) = default;

  const char* const* keywords() const { return keywords_.data(); }
  const char* const* values() const { return values_.data(); }

 private:
  Parameters() = default;

  std::vector<std::pair<std::string, std::string>> pairs_;
  std::vector<const char*> keywords_;
  std::vector<const char*> values_;
};

// Whether the socket is ready for what libpq waits for.
bool IsReady(PGconn* connection, PostgresPollingStatusType wanted, Duration limit) {
  pollfd fd{PQsocket(connection), wanted == PGRES_POLLING_READING ? short{POLLIN} : short{POLLOUT},
            0};
  const auto timeout = std::chrono::ceil<milliseconds>(std::min<Duration>(limit, kLookEvery));
  return poll(&fd, 1, static_cast<int>(timeout.count())) > 0;
}

}  // namespace

LibpqInterrupter::LibpqInterrupter(PGconn* connection)
    : cancel_(PQgetCancel(connection), &PQfreeCancel),
      socket_(fcntl(PQsocket(connection), F_DUPFD_CLOEXEC, 0)) {}

LibpqInterrupter::~LibpqInterrupter() {
  if (socket_ >= 0) close(socket_);
}

void LibpqInterrupter::Cancel() {
  // What fails is not reported: it is asked again, and then the connection is disconnected.
  std::array<char, 256> error{};
  PQcancel(cancel_.get(), error.data(), static_cast<int>(error.size()));
}

void LibpqInterrupter::Disconnect() {
  disconnected_ = true;
  shutdown(socket_, SHUT_RDWR);
}

absl::StatusOr<LibpqConnection> Connect(const PostgresConnectOptions& options,
                                        const CallContext& call, const Clock& clock) {
  const absl::StatusOr<Parameters> parameters = Parameters::Make(options);
  if (!parameters.ok()) return parameters.status();
  const Deadline deadline = Deadline::In(kConnectLimit, clock).Or(call.deadline);
  LibpqConnection connection(
      PQconnectStartParams(parameters->keywords(), parameters->values(), /*expand_dbname=*/0),
      &PQfinish);
  if (connection == nullptr) return absl::UnavailableError("libpq has no memory");
  PostgresPollingStatusType next =
      PQstatus(connection.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
    if (deadline.Passed(clock)) {
      return absl::UnavailableError(
          StrCat("the server did not answer within ", kConnectLimit.count(), " ms"));
    }
    if (!CheckWanted(call, clock).ok()) return absl::UnavailableError("given up");
    if (IsReady(connection.get(), next, deadline.Remaining(clock))) {
      next = PQconnectPoll(connection.get());
    }
  }
  if (next != PGRES_POLLING_OK) return absl::UnavailableError(PQerrorMessage(connection.get()));
  return connection;
}

bool AnswersPostgres(const PostgresConnectOptions& options) {
  const absl::StatusOr<Parameters> parameters = Parameters::Make(options);
  if (!parameters.ok()) return false;
  const PGPing answer =
      PQpingParams(parameters->keywords(), parameters->values(), /*expand_dbname=*/0);
  return answer == PQPING_OK || answer == PQPING_REJECT;
}

}  // namespace scaleout
