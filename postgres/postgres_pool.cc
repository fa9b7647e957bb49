#include "postgres/postgres_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/str_cat.h"
#include "postgres/postgres_error.h"
#include "postgres/postgres_result.h"
#include "postgres/postgres_watchdog.h"

namespace scaleout {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBackoffMin{50};
constexpr milliseconds kBackoffMax{1000};
constexpr milliseconds kSignOfLifeEvery{1000};
constexpr milliseconds kSignOfLifeLimit{1000};

constexpr PostgresStatement kSignOfLife = {"sign_of_life", "SELECT 1"};

// What will pass by itself: the server is away, busy, or another replica is preparing the same
// database.
bool Passes(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

struct PostgresPool::Impl {
  using Connection = std::unique_ptr<PostgresConnection>;

  // One waiting caller; it lies on the caller's stack.
  struct Waiter {
    std::condition_variable wake;
    Connection connection;
    bool refused = false;
  };

  Impl(PostgresPoolOptions options_in, PostgresPrepare prepare_in, PostgresPoolEvents events_in,
       Logger& logger_in, Metrics& metrics, const Clock& clock_in)
      : options(std::move(options_in)),
        prepare(std::move(prepare_in)),
        events(std::move(events_in)),
        logger(logger_in),
        clock(clock_in),
        watchdog(clock_in),
        used_gauge(metrics.AddGauge("db_client_connection_count",
                                    "Connections of the pool, by what they do",
                                    {{"state", "used"}})),
        idle_gauge(metrics.AddGauge("db_client_connection_count",
                                    "Connections of the pool, by what they do",
                                    {{"state", "idle"}})),
        pending_gauge(metrics.AddGauge("db_client_connection_pending_requests",
                                       "Callers that wait for a connection")),
        wait_histogram(metrics.AddHistogram("db_client_connection_wait_time_seconds",
                                            "How long callers waited for a connection",
                                            LatencyBounds())),
        random(std::random_device()()) {
    metrics.AddGauge("db_client_connection_max", "The most connections the pool makes")
        .Set(options.max_connections);
    keeper = std::thread([this] { Keep(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    keeper_wake.notify_one();
    keeper.join();
  }

  // The keeper: the one thread that makes connections, prepares the database and asks for signs of
  // life.
  void Keep() {
    std::unique_lock lock(mutex);
    Tell(lock);
    while (!stopping) {
      const MonotonicTime now = clock.Now();
      if (WantsConnection()) {
        if (now >= next_attempt) {
          OpenOne(lock);
        } else {
          keeper_wake.wait_for(lock, next_attempt - now);
        }
        continue;
      }
      const MonotonicTime sign_due = last_sign + kSignOfLifeEvery;
      if (!shut && !idle.empty() && now >= sign_due) {
        AskForSignOfLife(lock);
        continue;
      }
      if (shut) {
        keeper_wake.wait(lock);
      } else {
        keeper_wake.wait_for(lock, std::max<Duration>(sign_due - now, milliseconds(10)));
      }
    }
  }

  bool WantsConnection() const {
    if (shut || total >= options.max_connections) return false;
    return total == 0 || waiters.size() > idle.size();
  }

  void OpenOne(std::unique_lock<std::mutex>& lock) {
    ++total;
    const bool first = !prepared;
    lock.unlock();
    absl::StatusOr<Connection> opened =
        PostgresConnection::Open(options.connect, watchdog, logger, clock);
    absl::Status status = opened.status();
    if (status.ok() && first && prepare) status = prepare(**opened);
    lock.lock();
    if (status.ok()) {
      if (!reachable) logger.Info("database reachable", {});
      prepared = true;
      reachable = true;
      failures = 0;
      last_sign = clock.Now();
      Tell(lock);
      PutBack(*std::move(opened));
      return;
    }
    --total;
    if (!Passes(status)) {
      shut = true;
      logger.Error("database cannot be used", {{"detail", std::string(status.message())}});
    } else if (total == 0 && (reachable || failures == 0)) {
      logger.Warn("database unreachable, trying again",
                  {{"detail", std::string(status.message())}});
    }
    if (total == 0) reachable = false;
    Backoff();
    if (!reachable) RefuseAll();
    Tell(lock);
    if (shut && events.fatal) {
      lock.unlock();
      events.fatal(status);
      lock.lock();
    }
  }

  void Backoff() {
    const milliseconds ceiling =
        std::min(kBackoffMax, kBackoffMin * (std::int64_t{1} << std::min(failures, 10)));
    ++failures;
    std::uniform_int_distribution<std::int64_t> jitter(ceiling.count() / 2, ceiling.count());
    next_attempt = clock.Now() + milliseconds(jitter(random));
  }

  void AskForSignOfLife(std::unique_lock<std::mutex>& lock) {
    Connection connection = std::move(idle.back());
    idle.pop_back();
    UpdateGauges();
    lock.unlock();
    CallContext call;
    call.deadline = Deadline::In(kSignOfLifeLimit, clock);
    const bool alive = connection->Run(call, kSignOfLife, {}).ok();
    lock.lock();
    // A server that is there but does not answer is as good as gone; the next attempt to connect
    // will tell.
    if (alive) {
      PutBack(std::move(connection));
    } else {
      DropBroken();
    }
  }

  // Says `reachable` aloud when it has changed since it was last said. Only from the keeper.
  void Tell(std::unique_lock<std::mutex>& lock) {
    if (told && said == reachable) return;
    told = true;
    said = reachable;
    if (!events.reachable) return;
    lock.unlock();
    events.reachable(said);
    lock.lock();
  }

  void RefuseAll() {
    for (Waiter* waiter : waiters) {
      waiter->refused = true;
      waiter->wake.notify_one();
    }
    waiters.clear();
    UpdateGauges();
  }

  // Hands a connection to whoever waits longest.
  void PutBack(Connection connection) {
    if (connection->connection_lost()) {
      DropBroken();
      return;
    }
    last_sign = clock.Now();
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

  void DropBroken() {
    total -= 1 + static_cast<int>(idle.size());
    idle.clear();
    UpdateGauges();
    keeper_wake.notify_one();
  }

  void UpdateGauges() {
    const auto idle_count = static_cast<double>(idle.size());
    idle_gauge.Set(idle_count);
    used_gauge.Set(total - idle_count);
    pending_gauge.Set(static_cast<double>(waiters.size()));
  }

  absl::StatusOr<Connection> Acquire(const CallContext& call) {
    if (absl::Status status = CheckWanted(call, clock); !status.ok()) return status;
    const MonotonicTime start = clock.Now();
    std::unique_lock lock(mutex);
    if (!reachable && (failures > 0 || shut)) return DatabaseUnavailable();
    if (!idle.empty()) {
      Connection connection = std::move(idle.back());
      idle.pop_back();
      UpdateGauges();
      lock.unlock();
      wait_histogram.Observe(0);
      return connection;
    }
    Waiter waiter;
    waiters.push_back(&waiter);
    UpdateGauges();
    if (WantsConnection()) keeper_wake.notify_one();
    const MonotonicTime until = Deadline::In(options.wait_limit, clock).Or(call.deadline).when();
    waiter.wake.wait_until(lock, until,
                           [&waiter] { return waiter.connection != nullptr || waiter.refused; });
    if (waiter.connection == nullptr && !waiter.refused) {
      std::erase(waiters, &waiter);
      UpdateGauges();
    }
    lock.unlock();
    wait_histogram.Observe(std::chrono::duration<double>(clock.Now() - start).count());
    if (waiter.connection != nullptr) return std::move(waiter.connection);
    if (waiter.refused) return DatabaseUnavailable();
    if (absl::Status status = CheckWanted(call, clock); !status.ok()) return status;
    return WithReason(
        absl::UnavailableError(StrCat("no database connection was free within ",
                                      options.wait_limit.count(), " ms (DB_POOL_WAIT)")),
        kReasonPoolExhausted);
  }

  void Release(Connection connection) {
    const std::lock_guard lock(mutex);
    PutBack(std::move(connection));
  }

  const PostgresPoolOptions options;
  const PostgresPrepare prepare;
  const PostgresPoolEvents events;
  Logger& logger;
  const Clock& clock;
  PostgresWatchdog watchdog;
  Gauge& used_gauge;
  Gauge& idle_gauge;
  Gauge& pending_gauge;
  Histogram& wait_histogram;
  std::minstd_rand random;  // the keeper's

  mutable std::mutex mutex;
  std::condition_variable keeper_wake;
  std::vector<Connection> idle;
  std::deque<Waiter*> waiters;
  int total = 0;     // idle, used, and the one that is being made
  int failures = 0;  // attempts to connect since the last success
  MonotonicTime next_attempt{};
  MonotonicTime last_sign{};  // when a connection was last seen to work
  bool prepared = false;
  bool reachable = false;
  bool shut = false;
  bool stopping = false;
  bool told = false;
  bool said = false;
  std::thread keeper;
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
