#include "postgres/postgres_connect.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "common/str_cat.h"

namespace scaleout {
namespace {

// How soon it is noticed that a call is over.
constexpr std::chrono::milliseconds kLookEvery{20};

const std::string& ConnectTimeout() {
  static const std::string timeout = std::to_string(kConnectLimit.count());
  return timeout;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// What libpq's functions take: keywords and their values, each ended by a null. What comes later
// replaces what came before: the connection string its defaults, and `fixed` both.
class Parameters {
 public:
  static absl::StatusOr<Parameters> Make(const PostgresConnectOptions& options, Pairs fixed = {}) {
    auto given = ParseConninfo(options.conninfo);
    if (!given.ok()) {
      return absl::UnavailableError(
          StrCat("the connection string ", FromAbsl(given.status().message())));
    }
    Parameters parameters;
    parameters.pairs_ = {
        {"connect_timeout", ConnectTimeout()}, {"keepalives_idle", "5"},
        {"keepalives_interval", "2"},          {"keepalives_count", "3"},
        {"tcp_user_timeout", "10000"},         {"application_name", options.application_name}};
    for (auto& pair : *given) parameters.pairs_.push_back(std::move(pair));
    for (auto& pair : fixed) parameters.pairs_.push_back(std::move(pair));
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

  Pairs pairs_;
  std::vector<const char*> keywords_;
  std::vector<const char*> values_;
};

// Runs `work`, which may block for as long as a resolver does, on a thread of its own, and waits
// for what it returns for as long as `call` lasts. Nothing if that is over first, or if no thread
// can be had. A result that comes later is destroyed.
template <typename Result>
std::optional<Result> RunAside(const std::function<Result()>& work, const CallContext& call,
                               const Clock& clock) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable ready;
    std::optional<Result> result;
  };
  const auto shared = std::make_shared<Shared>();
  try {
    std::thread([shared, work] {
      Result result = work();
      const std::lock_guard lock(shared->mutex);
      shared->result = std::move(result);
      shared->ready.notify_one();
    }).detach();
  } catch (const std::system_error&) {
    return std::nullopt;
  }
  std::unique_lock lock(shared->mutex);
  while (!shared->result) {
    if (!CheckWanted(call, clock).ok()) return std::nullopt;
    shared->ready.wait_for(lock, kLookEvery);
  }
  return std::move(shared->result);
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
  absl::StatusOr<Parameters> made = Parameters::Make(options);
  if (!made.ok()) return made.status();
  const auto parameters = std::make_shared<const Parameters>(*std::move(made));
  std::optional<LibpqConnection> connection = RunAside<LibpqConnection>(
      [parameters] {
        return LibpqConnection(PQconnectdbParams(parameters->keywords(), parameters->values(),
                                                 /*expand_dbname=*/0),
                               &PQfinish);
      },
      call, clock);
  if (!connection) return absl::UnavailableError("given up");
  if (*connection == nullptr) return absl::UnavailableError("libpq has no memory");
  if (PQstatus(connection->get()) != CONNECTION_OK) {
    return absl::UnavailableError(PQerrorMessage(connection->get()));
  }
  return *std::move(connection);
}

bool AnswersPostgres(const PostgresConnectOptions& options, const CallContext& call,
                     const Clock& clock) {
  absl::StatusOr<Parameters> made =
      Parameters::Make(options, {{"connect_timeout", ConnectTimeout()}});
  if (!made.ok()) return false;
  const auto parameters = std::make_shared<const Parameters>(*std::move(made));
  const std::optional<PGPing> answer = RunAside<PGPing>(
      [parameters] {
        return PQpingParams(parameters->keywords(), parameters->values(), /*expand_dbname=*/0);
      },
      call, clock);
  return answer == PQPING_OK || answer == PQPING_REJECT;
}

}  // namespace scaleout
