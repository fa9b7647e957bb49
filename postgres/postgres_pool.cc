#include "postgres/postgres_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/str_cat.h"
#include "postgres/postgres_connect.h"
#include "postgres/postgres_error.h"
#include "postgres/postgres_pool_metrics.h"
#include "postgres/postgres_result.h"
#include "postgres/postgres_watchdog.h"

namespace scaleout {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBackoffMin{50};
constexpr milliseconds kBackoffMax{1000};
// How often the server is asked for an answer if no caller has had one, and how long it may take.
constexpr milliseconds kCheckEvery{1000};
constexpr milliseconds kCheckLimit{1000};
// Connections that are made at a time.
constexpr int kOpeners = 3;
constexpr milliseconds kWarnEvery{5000};

// What will pass without a change to the program or its settings: the server is away or busy, or
// another replica is preparing the same database.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status) ||
         absl::IsDeadlineExceeded(status) || absl::IsCancelled(status);
}

}  // namespace

struct PostgresPool::Impl {
  using Connection = std::unique_ptr<PostgresConnection>;
  using Lock = std::unique_lock<std::mutex>;

  // One waiting caller; it lies on the caller's stack.
  struct Waiter {
    std::condition_variable wake;
    Connection connection;
    bool refused = false;
  };

  Impl(PostgresPoolOptions options_in, PostgresPrepare prepare_in, PostgresPoolEvents events_in,
       Logger& logger_in, Metrics& metrics_in, const Clock& clock_in)
      : options(std::move(options_in)),
        prepare(std::move(prepare_in)),
        events(std::move(events_in)),
        logger(logger_in),
        clock(clock_in),
        watchdog(clock_in),
        metrics(metrics_in, options.name, options.max_connections),
        random(std::random_device()()) {
    own_call.is_cancelled = [this] { return stopping.load(); };
    keeper = std::thread([this] { RunKeeper(); });
    for (int i = 0; i < std::min(kOpeners, options.max_connections); ++i) {
      openers.emplace_back([this] { RunOpener(); });
    }
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    keeper_wake.notify_one();
    opener_wake.notify_all();
    keeper.join();
    for (std::thread& opener : openers) opener.join();
  }

  // The keeper watches the server: it makes the first connection, and prepares the database with
  // it, and asks for an answer when no caller has had one for kCheckEvery.
  void RunKeeper() {
    Lock lock(mutex);
    while (!stopping) {
      if (announced != reachable) {
        Announce(lock);
        continue;
      }
      const MonotonicTime now = clock.Now();
      const bool wants = !reachable && WantsConnection();
      const bool may_check = prepared && total > opening;
      if (wants && now >= next_attempt) {
        OpenOne(lock);
      } else if (may_check && now >= next_check) {
        CheckServer(lock);
      } else if (wants || may_check) {
        const MonotonicTime next = std::min(wants ? next_attempt : MonotonicTime::max(),
                                            may_check ? next_check : MonotonicTime::max());
        keeper_wake.wait_for(lock, std::max<Duration>(next - now, milliseconds(10)));
      } else {
        keeper_wake.wait(lock);
      }
    }
  }

  // The openers make connections while the server is known to be there.
  void RunOpener() {
    Lock lock(mutex);
    while (!stopping) {
      const MonotonicTime now = clock.Now();
      if (!reachable || !WantsConnection()) {
        opener_wake.wait(lock);
      } else if (now < next_attempt) {
        opener_wake.wait_for(lock, next_attempt - now);
      } else {
        OpenOne(lock);
      }
    }
  }

  bool WantsConnection() const {
    if (shut || total >= options.max_connections) return false;
    return total == 0 || (reachable && waiters.size() > static_cast<std::size_t>(opening));
  }

  void OpenOne(Lock& lock) {
    ++total;
    ++opening;
    const bool first = !prepared;
    lock.unlock();
    absl::StatusOr<Connection> opened =
        PostgresConnection::Open(own_call, options.connect, watchdog, logger, clock);
    absl::Status status = opened.status();
    if (status.ok() && first && prepare) status = prepare(own_call, **opened);
    if (!status.ok() && opened.ok()) opened->reset();
    lock.lock();
    --opening;
    if (status.ok()) {
      prepared = true;
      failures = 0;
      NoteAnswer();
      HandOver(*std::move(opened));
      return;
    }
    --total;
    if (stopping) return;
    metrics.CountOpenFailure();
    if (!IsTransient(status)) {
      shut = true;
      logger.Error("database cannot be used", {{"detail", std::string(status.message())}});
    } else if (total == 0 && (reachable || failures == 0)) {
      logger.Warn("database unreachable, trying again",
                  {{"detail", std::string(status.message())}});
    } else if (total > 0) {
      WarnOfOpenFailure(status);
    }
    Backoff();
    if (total == 0) SetUnreachable();
    next_check = clock.Now();  // what failed may be all of the server
    keeper_wake.notify_one();
    if (shut && events.fatal) {
      lock.unlock();
      events.fatal(status);
      lock.lock();
    }
  }

  void WarnOfOpenFailure(const absl::Status& status) {
    ++open_failures_held_back;
    const MonotonicTime now = clock.Now();
    if (now < next_warning) return;
    next_warning = now + kWarnEvery;
    logger.Warn("database connection not made",
                {{"detail", std::string(status.message())},
                 {"connections", total},
                 {"connectionsMax", options.max_connections},
                 {"failures", std::exchange(open_failures_held_back, 0)}});
  }

  void Backoff() {
    const milliseconds ceiling =
        std::min(kBackoffMax, kBackoffMin * (std::int64_t{1} << std::min(failures, 10)));
    ++failures;
    std::uniform_int_distribution<std::int64_t> jitter(ceiling.count() / 2, ceiling.count());
    next_attempt = clock.Now() + milliseconds(jitter(random));
  }

  // Asks over an idle connection, or, with all of them in use, over a new one that does not log in:
  // the callers may all be waiting for a server that is frozen.
  void CheckServer(Lock& lock) {
    const MonotonicTime start = clock.Now();
    next_check = start + kCheckEvery;
    if (idle.empty()) {
      lock.unlock();
      const bool answers = AnswersPostgres(options.connect, own_call, clock);
      lock.lock();
      if (answers) {
        NoteAnswer();
      } else if (last_answer < start) {
        NoteSilence("it does not answer to a new connection");
      }
      return;
    }
    Connection connection = std::move(idle.back());
    idle.pop_back();
    UpdateGauges();
    lock.unlock();
    const absl::Status alive = connection->CheckAlive(kCheckLimit);
    lock.lock();
    if (absl::IsDeadlineExceeded(alive)) NoteSilence(std::string(alive.message()));
    PutBack(lock, std::move(connection));
  }

  void NoteAnswer() {
    last_answer = clock.Now();
    next_check = last_answer + kCheckEvery;
    if (reachable || shut || !prepared) return;
    logger.Info("database reachable", {});
    reachable = true;
    failures = 0;
    next_attempt = last_answer;
    keeper_wake.notify_one();
    opener_wake.notify_all();
  }

  void NoteSilence(const std::string& detail) {
    if (!reachable) return;
    logger.Warn("database unreachable, trying again", {{"detail", detail}});
    failures = std::max(failures, 1);
    SetUnreachable();
  }

  void SetUnreachable() {
    reachable = false;
    for (Waiter* waiter : waiters) {
      waiter->refused = true;
      waiter->wake.notify_one();
    }
    waiters.clear();
    UpdateGauges();
  }

  // Only from the keeper.
  void Announce(Lock& lock) {
    announced = reachable;
    if (!events.reachable) return;
    lock.unlock();
    events.reachable(*announced);
    lock.lock();
  }

  // Takes back a connection that was used. Ends without the lock.
  void PutBack(Lock& lock, Connection connection) {
    std::vector<Connection> dropped;
    if (connection->connection_lost()) {
      // The idle ones have most likely met the same end.
      dropped = std::exchange(idle, {});
      dropped.push_back(std::move(connection));
      total -= static_cast<int>(dropped.size());
      UpdateGauges();
      keeper_wake.notify_one();
      opener_wake.notify_all();
    } else {
      NoteAnswer();
      HandOver(std::move(connection));
    }
    lock.unlock();
    dropped.clear();  // closing takes a system call or two
    lock.lock();
  }

  // To the caller that waits longest.
  void HandOver(Connection connection) {
    if (waiters.empty()) {
      idle.push_back(std::move(connection));
    } else {
      Waiter* waiter = waiters.front();
      waiters.pop_front();
      waiter->connection = std::move(connection);
      waiter->wake.notify_one();
    }
    UpdateGauges();
  }

  void UpdateGauges() { metrics.SetConnections(total, idle.size(), waiters.size()); }

  absl::StatusOr<Connection> Acquire(const CallContext& call) {
    if (absl::Status status = CheckWanted(call, clock); !status.ok()) return status;
    const MonotonicTime start = clock.Now();
    Lock lock(mutex);
    if (!reachable && (failures > 0 || shut)) return DatabaseUnavailable();
    if (!idle.empty()) {
      Connection connection = std::move(idle.back());
      idle.pop_back();
      UpdateGauges();
      lock.unlock();
      metrics.ObserveWait(Duration::zero());
      return connection;
    }
    Waiter waiter;
    waiters.push_back(&waiter);
    UpdateGauges();
    if (WantsConnection()) opener_wake.notify_one();
    const MonotonicTime until = Deadline::In(options.wait_limit, clock).Or(call.deadline).when();
    waiter.wake.wait_until(lock, until,
                           [&waiter] { return waiter.connection != nullptr || waiter.refused; });
    if (waiter.connection == nullptr && !waiter.refused) {
      std::erase(waiters, &waiter);
      UpdateGauges();
    }
    lock.unlock();
    metrics.ObserveWait(clock.Now() - start);
    if (waiter.connection != nullptr) return std::move(waiter.connection);
    if (waiter.refused) return DatabaseUnavailable();
    if (absl::Status status = CheckWanted(call, clock); !status.ok()) return status;
    return WithReason(
        absl::UnavailableError(StrCat("no database connection was free within ",
                                      options.wait_limit.count(), " ms (DB_POOL_WAIT)")),
        kReasonPoolExhausted);
  }

  void Release(Connection connection) {
    Lock lock(mutex);
    PutBack(lock, std::move(connection));
  }

  const PostgresPoolOptions options;
  const PostgresPrepare prepare;
  const PostgresPoolEvents events;
  Logger& logger;
  const Clock& clock;
  PostgresWatchdog watchdog;
  PostgresPoolMetrics metrics;
  CallContext own_call;  // of the pool's own threads: over when the pool stops
  std::atomic<bool> stopping = false;

  mutable std::mutex mutex;
  std::condition_variable keeper_wake;
  std::condition_variable opener_wake;
  // Guarded by the mutex.
  std::minstd_rand random;
  std::vector<Connection> idle;
  std::deque<Waiter*> waiters;
  int total = 0;     // idle, used, and those that are being made
  int opening = 0;   // those that are being made
  int failures = 0;  // attempts to connect since the last success
  MonotonicTime next_attempt{};
  MonotonicTime last_answer{};  // when the server was last seen to answer
  MonotonicTime next_check{};
  MonotonicTime next_warning{};
  int open_failures_held_back = 0;
  bool prepared = false;
  bool reachable = false;
  bool shut = false;
  std::optional<bool> announced;  // what was last announced as `reachable`
  // Last: they use the rest.
  std::thread keeper;
  std::vector<std::thread> openers;
};

PostgresPool::PostgresPool(PostgresPoolOptions options, PostgresPrepare prepare,
                           PostgresPoolEvents events, Logger& logger, Metrics& metrics,
                           const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(prepare), std::move(events),
                                   logger, metrics, clock)) {}

PostgresPool::~PostgresPool() = default;

absl::StatusOr<std::int64_t> PostgresPool::Run(const CallContext& call,
                                               const PostgresStatement& statement,
                                               PostgresParams params, PostgresRowReader read) {
  absl::StatusOr<Impl::Connection> connection = impl_->Acquire(call);
  if (!connection.ok()) return connection.status();
  const absl::StatusOr<PostgresResult> result = (*connection)->Run(call, statement, params);
  impl_->Release(*std::move(connection));
  if (!result.ok()) return result.status();
  return result->Read(read);
}

absl::Status PostgresPool::Transact(const CallContext& call, const PostgresBody& body) {
  absl::StatusOr<Impl::Connection> connection = impl_->Acquire(call);
  if (!connection.ok()) return connection.status();
  absl::Status status = (*connection)->Transact(call, body);
  impl_->Release(*std::move(connection));
  return status;
}

bool PostgresPool::reachable() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->reachable;
}

}  // namespace scaleout
