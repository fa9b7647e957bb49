#include "postgres/postgres_connection.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "common/status.h"
#include "common/str_cat.h"
#include "postgres/postgres_compat.h"
#include "postgres/postgres_connect.h"
#include "postgres/postgres_error.h"
#include "postgres/postgres_result.h"

namespace scaleout {
namespace {

using std::chrono::milliseconds;

constexpr std::array kStatementTimeoutSteps = {
    milliseconds(50),   milliseconds(100),  milliseconds(250),
    milliseconds(500),  milliseconds(1000), milliseconds(2000),
    milliseconds(3000), milliseconds(5000), milliseconds(10000)};

// Unknown to us: the next statement sets it.
constexpr milliseconds kUnknownTimeout{-1};

// Generic plans: every statement here is a lookup by key, for which planning anew each time costs
// more than it finds. No memoization: the keys of a lookup are distinct, so that a cache of inner
// rows is filled and never hit. The idle limit frees the locks of a process that was frozen in the
// middle of a transaction.
constexpr const char* kSessionSettings =
    "SET plan_cache_mode = force_generic_plan; SET enable_memoize = off; SET "
    "idle_in_transaction_session_timeout = '5s'; "
    "SET lock_timeout = 0; SET client_min_messages = warning; SET timezone = 'UTC'";

constexpr const char* kIndexPlans =
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; "
    "SET enable_mergejoin = off; SET jit = off";

PostgresTexts Texts(PostgresParams params) {
  PostgresTexts texts;
  texts.reserve(params.size());
  for (const PostgresParam& param : params) texts.push_back(param.text());
  return texts;
}

// What the server reports beside its answers, such as why it ends the connection; libpq would write
// it to stderr.
void LogNotice(void* logger, const char* text) {
  std::string_view detail = text;
  while (detail.ends_with('\n')) detail.remove_suffix(1);
  static_cast<Logger*>(logger)->Warn("postgres", {{"detail", detail}});
}

}  // namespace

milliseconds StatementTimeoutStep(Duration remaining, milliseconds limit) {
  for (const milliseconds step : kStatementTimeoutSteps) {
    if (remaining <= step) return std::min(step, limit);
  }
  return limit;
}

struct PostgresConnection::Impl {
  using Action = PostgresWatchdog::Action;

  Impl(const PostgresConnectOptions& options, LibpqConnection made, PostgresWatchdog& watchdog_in,
       Logger& logger_in, const Clock& clock_in)
      : statement_timeout_limit(options.statement_timeout),
        watchdog(watchdog_in),
        logger(logger_in),
        clock(clock_in),
        interrupter(std::make_shared<LibpqInterrupter>(made.get())),
        connection(made.release()) {}

  PostgresWatchdog::Watch WatchCall(const CallContext& call, Action action,
                                    Deadline limit = Deadline::Never()) {
    return {watchdog, call, limit, action, interrupter};
  }

  // For a catch block.
  absl::Status Fail(const CallContext& call, std::string_view what) {
    PostgresError error = CurrentPostgresError();
    // libpqxx 6 notices some losses only while it looks for the words to report them, and then
    // reports that.
    if (IsLost() && !error.connection_lost) {
      error.connection_lost = true;
      error.status = DatabaseUnavailable();
    }
    lost = lost || error.connection_lost;
    if (interrupter->disconnected())
      error.detail = "disconnected: the server did not answer in time";
    const bool expected = absl::IsDeadlineExceeded(error.status) || absl::IsAborted(error.status) ||
                          absl::IsAlreadyExists(error.status);
    if (lost || !expected) {
      logger.Warn("statement failed", {{"statement", what},
                                       {"detail", error.detail},
                                       {"connectionLost", lost},
                                       {"requestId", call.request_id}});
    }
    if (absl::IsDeadlineExceeded(error.status) ||
        (interrupter->disconnected() && ReasonOf(error.status) != "COMMIT_IN_DOUBT")) {
      // Ended by the watchdog if the client is gone, else by the clock.
      absl::Status wanted = CheckWanted(call, clock);
      return wanted.ok() ? error.status : wanted;
    }
    return error.status;
  }

  bool IsLost() const { return lost || interrupter->disconnected() || !connection.is_open(); }

  const milliseconds statement_timeout_limit;
  PostgresWatchdog& watchdog;
  Logger& logger;
  const Clock& clock;
  const std::shared_ptr<LibpqInterrupter> interrupter;
  PqxxConnection connection;
  std::set<std::string_view> prepared;
  milliseconds timeout = kUnknownTimeout;
  bool lost = false;
};

class PostgresConnection::Session final : public PostgresSession {
 public:
  Session(Impl& impl, pqxx::transaction_base& transaction, const CallContext& call)
      : impl_(impl), transaction_(transaction), call_(call) {}

  absl::StatusOr<PostgresResult> Exec(const PostgresStatement& statement, PostgresParams params) {
    if (!status_.ok()) return status_;
    status_ = CheckWanted(call_, impl_.clock);
    if (!status_.ok()) return status_;
    try {
      const PostgresWatchdog::Watch watch = impl_.WatchCall(
          call_, Impl::Action::kCancel, Deadline::In(impl_.statement_timeout_limit, impl_.clock));
      SetTimeout();
      if (!impl_.prepared.contains(statement.name)) {
        impl_.connection.prepare(statement.name, statement.sql);
        impl_.prepared.insert(statement.name);
      }
      const PostgresTexts texts = Texts(params);
      return PostgresResult(ExecPrepared(transaction_, statement.name, texts), statement.name);
    } catch (...) {
      status_ = impl_.Fail(call_, statement.name);
      return status_;
    }
  }

  const absl::Status& status() const { return status_; }

 private:
  absl::StatusOr<std::int64_t> Run(const PostgresStatement& statement, PostgresParams params,
                                   PostgresRowReader read) override {
    const absl::StatusOr<PostgresResult> result = Exec(statement, params);
    if (!result.ok()) return result.status();
    absl::StatusOr<std::int64_t> rows = result->Read(read);
    status_ = rows.status();
    return rows;
  }

  void SetTimeout() {
    const milliseconds timeout =
        StatementTimeoutStep(call_.deadline.Remaining(impl_.clock), impl_.statement_timeout_limit);
    if (timeout == impl_.timeout) return;
    impl_.timeout = kUnknownTimeout;
    transaction_.exec(StrCat("SET statement_timeout = ", timeout.count()));
    impl_.timeout = timeout;
  }

  Impl& impl_;
  pqxx::transaction_base& transaction_;
  const CallContext& call_;
  absl::Status status_;
};

PostgresConnection::PostgresConnection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PostgresConnection::~PostgresConnection() = default;

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(
    const CallContext& call, const PostgresConnectOptions& options, PostgresWatchdog& watchdog,
    Logger& logger, const Clock& clock) {
  absl::StatusOr<LibpqConnection> made = Connect(options, call, clock);
  if (!made.ok()) return made.status();
  PGconn* const libpq = made->get();
  const Deadline limit = Deadline::In(kConnectLimit, clock);
  try {
    auto impl = std::make_unique<Impl>(options, *std::move(made), watchdog, logger, clock);
    // Now, because libpqxx 7 sets its own.
    PQsetNoticeProcessor(libpq, &LogNotice, &logger);
    // Without the values of a row that is refused, which may be personal data, in what is logged.
    PQsetErrorVerbosity(libpq, PQERRORS_TERSE);
    if (!impl->interrupter->valid()) return absl::UnavailableError("no descriptor is left");
    const PostgresWatchdog::Watch watch = impl->WatchCall(call, Impl::Action::kDisconnect, limit);
    pqxx::nontransaction(impl->connection).exec(kSessionSettings);
    if (options.index_plans) pqxx::nontransaction(impl->connection).exec(kIndexPlans);
    return std::unique_ptr<PostgresConnection>(new PostgresConnection(std::move(impl)));
  } catch (...) {
    return absl::UnavailableError(CurrentPostgresError().detail);
  }
}

absl::StatusOr<PostgresResult> PostgresConnection::Run(const CallContext& call,
                                                       const PostgresStatement& statement,
                                                       PostgresParams params) {
  try {
    pqxx::nontransaction transaction(impl_->connection);
    Session session(*impl_, transaction, call);
    return session.Exec(statement, params);
  } catch (...) {
    return impl_->Fail(call, statement.name);
  }
}

absl::Status PostgresConnection::Transact(const CallContext& call, const PostgresBody& body) {
  const milliseconds timeout_before = impl_->timeout;
  bool rolled_back = true;
  absl::Status status;
  CallContext ending;
  // Outlives the transaction, whose destructor may wait for the server too.
  std::optional<PostgresWatchdog::Watch> watch;
  const auto watch_until = [&](const CallContext& wait) {
    watch.emplace(impl_->watchdog, wait, Deadline::Never(), Impl::Action::kDisconnect,
                  impl_->interrupter);
  };
  try {
    watch_until(call);
    pqxx::work transaction(impl_->connection);
    watch.reset();
    Session session(*impl_, transaction, call);
    try {
      status = body(session);
    } catch (...) {
      // Here, so that the rollback is watched.
      status = impl_->Fail(call, "transaction");
    }
    // A body that lost an error on its way must not commit half of its work.
    if (status.ok()) status = session.status();
    ending.deadline = Deadline::In(kCommitLimit, impl_->clock);
    watch_until(ending);
    if (status.ok()) {
      transaction.commit();
      rolled_back = false;
    } else {
      transaction.abort();
    }
  } catch (...) {
    const absl::Status failure = impl_->Fail(call, "transaction");
    if (status.ok()) status = failure;
  }
  // A rollback takes a SET back with it.
  if (rolled_back && impl_->timeout != timeout_before) impl_->timeout = kUnknownTimeout;
  return status;
}

absl::Status PostgresConnection::CheckAlive(Duration limit) {
  const CallContext call;
  const Deadline deadline = Deadline::In(limit, impl_->clock);
  try {
    const PostgresWatchdog::Watch watch =
        impl_->WatchCall(call, Impl::Action::kDisconnect, deadline);
    pqxx::nontransaction(impl_->connection).exec("SELECT 1");
    return absl::OkStatus();
  } catch (...) {
    impl_->lost = true;
    if (impl_->interrupter->disconnected()) {
      return absl::DeadlineExceededError(StrCat("the server did not answer within ",
                                                std::chrono::ceil<milliseconds>(limit).count(),
                                                " ms"));
    }
    return absl::UnavailableError(CurrentPostgresError().detail);
  }
}

absl::Status PostgresConnection::ExecScript(const CallContext& call, const std::string& sql) {
  try {
    const PostgresWatchdog::Watch watch = impl_->WatchCall(call, Impl::Action::kCancel);
    pqxx::work transaction(impl_->connection);
    impl_->timeout = kUnknownTimeout;
    transaction.exec("SET LOCAL statement_timeout = 0");
    transaction.exec(sql);
    transaction.commit();
    return absl::OkStatus();
  } catch (...) {
    return impl_->Fail(call, "script");
  }
}

absl::Status PostgresConnection::ExecUnwrapped(const CallContext& call, const std::string& sql) {
  try {
    const PostgresWatchdog::Watch watch = impl_->WatchCall(call, Impl::Action::kCancel);
    pqxx::nontransaction transaction(impl_->connection);
    impl_->timeout = kUnknownTimeout;
    transaction.exec("SET statement_timeout = 0");
    transaction.exec(sql);
    return absl::OkStatus();
  } catch (...) {
    return impl_->Fail(call, "script");
  }
}

absl::StatusOr<std::int64_t> PostgresConnection::RunOnce(const CallContext& call,
                                                         const PostgresStatement& statement,
                                                         PostgresRowReader read) {
  try {
    const PostgresWatchdog::Watch watch = impl_->WatchCall(call, Impl::Action::kCancel);
    return PostgresResult(pqxx::nontransaction(impl_->connection).exec(statement.sql),
                          statement.name)
        .Read(read);
  } catch (...) {
    return impl_->Fail(call, statement.name);
  }
}

bool PostgresConnection::connection_lost() const { return impl_->IsLost(); }

}  // namespace scaleout
