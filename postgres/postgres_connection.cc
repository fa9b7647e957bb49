#include "postgres/postgres_connection.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "common/str_cat.h"
#include "postgres/postgres_compat.h"
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
// more than it finds. The idle limit frees the locks of a process that was frozen in the middle of
// a transaction.
constexpr const char* kSessionSettings =
    "SET plan_cache_mode = force_generic_plan; SET idle_in_transaction_session_timeout = '30s'; "
    "SET lock_timeout = 0; SET client_min_messages = warning; SET timezone = 'UTC'";

std::string QuoteConninfo(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '\'';
}

std::string Conninfo(const PostgresConnectOptions& options) {
  // What comes first yields to the same key in the operator's own string.
  std::string conninfo = StrCat(
      "connect_timeout=2 keepalives_idle=5 keepalives_interval=2 keepalives_count=3 "
      "tcp_user_timeout=10000 "
      "application_name=",
      QuoteConninfo(options.application_name), " ", options.conninfo);
  if (!options.password.empty()) conninfo += " password=" + QuoteConninfo(options.password);
  return conninfo;
}

PostgresTexts Texts(PostgresParams params) {
  PostgresTexts texts;
  texts.reserve(params.size());
  for (const PostgresParam& param : params) texts.push_back(param.text());
  return texts;
}

}  // namespace

milliseconds StatementTimeoutStep(Duration remaining, milliseconds limit) {
  for (const milliseconds step : kStatementTimeoutSteps) {
    if (remaining <= step) return std::min(step, limit);
  }
  return limit;
}

struct PostgresConnection::Impl {
  Impl(const PostgresConnectOptions& options, PostgresWatchdog& watchdog_in, Logger& logger_in,
       const Clock& clock_in)
      : statement_timeout_limit(options.statement_timeout),
        watchdog(watchdog_in),
        logger(logger_in),
        clock(clock_in),
        connection(Conninfo(options)) {}

  // For a catch block.
  absl::Status Fail(const CallContext& call, std::string_view what) {
    PostgresError error = CurrentPostgresError();
    // libpqxx 6 notices some losses only while it looks for the words to report them, and then
    // reports that.
    if (!connection.is_open() && !error.connection_lost) {
      error.connection_lost = true;
      error.status = DatabaseUnavailable();
    }
    lost = lost || error.connection_lost;
    if (absl::IsDeadlineExceeded(error.status)) {
      // Cancelled: by the watchdog if the client is gone, else by the clock.
      absl::Status wanted = CheckWanted(call, clock);
      return wanted.ok() ? error.status : wanted;
    }
    if (!absl::IsAborted(error.status) && !absl::IsAlreadyExists(error.status)) {
      logger.Warn("statement failed", {{"statement", what},
                                       {"detail", error.detail},
                                       {"connectionLost", lost},
                                       {"requestId", call.request_id}});
    }
    return error.status;
  }

  const milliseconds statement_timeout_limit;
  PostgresWatchdog& watchdog;
  Logger& logger;
  const Clock& clock;
  pqxx::connection connection;
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
      SetTimeout();
      if (!impl_.prepared.contains(statement.name)) {
        impl_.connection.prepare(statement.name, statement.sql);
        impl_.prepared.insert(statement.name);
      }
      const PostgresTexts texts = Texts(params);
      const PostgresWatchdog::Watch watch(impl_.watchdog, call_, [this] { Cancel(); });
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

  void Cancel() {
    try {
      impl_.connection.cancel_query();
    } catch (const std::exception& e) {
      // The statement's own thread meets the same trouble and reports it.
      impl_.logger.Debug("cancel failed", {{"detail", e.what()}});
    }
  }

  Impl& impl_;
  pqxx::transaction_base& transaction_;
  const CallContext& call_;
  absl::Status status_;
};

PostgresConnection::PostgresConnection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PostgresConnection::~PostgresConnection() = default;

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(
    const PostgresConnectOptions& options, PostgresWatchdog& watchdog, Logger& logger,
    const Clock& clock) {
  try {
    auto impl = std::make_unique<Impl>(options, watchdog, logger, clock);
    pqxx::nontransaction(impl->connection).exec(kSessionSettings);
    return std::unique_ptr<PostgresConnection>(new PostgresConnection(std::move(impl)));
  } catch (...) {
    PostgresError error = CurrentPostgresError();
    // The pool says it, once; libpq's reason holds host, role and database, but never the password.
    return absl::UnavailableError(error.detail);
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
  try {
    pqxx::work transaction(impl_->connection);
    Session session(*impl_, transaction, call);
    status = body(session);
    // A body that lost an error on its way must not commit half of its work.
    if (status.ok()) status = session.status();
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

absl::Status PostgresConnection::ExecScript(const std::string& sql) {
  try {
    pqxx::work transaction(impl_->connection);
    impl_->timeout = kUnknownTimeout;
    transaction.exec("SET LOCAL statement_timeout = 0");
    transaction.exec(sql);
    transaction.commit();
    return absl::OkStatus();
  } catch (...) {
    return impl_->Fail(CallContext(), "script");
  }
}

absl::Status PostgresConnection::ExecUnwrapped(const std::string& sql) {
  try {
    pqxx::nontransaction(impl_->connection).exec(sql);
    return absl::OkStatus();
  } catch (...) {
    return impl_->Fail(CallContext(), "script");
  }
}

absl::StatusOr<std::int64_t> PostgresConnection::RunOnce(const PostgresStatement& statement,
                                                         PostgresRowReader read) {
  try {
    return PostgresResult(pqxx::nontransaction(impl_->connection).exec(statement.sql),
                          statement.name)
        .Read(read);
  } catch (...) {
    return impl_->Fail(CallContext(), statement.name);
  }
}

bool PostgresConnection::connection_lost() const {
  return impl_->lost || !impl_->connection.is_open();
}

}  // namespace scaleout
