// How many connections a pool has, and who waits for one.
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/status.h"
#include "postgres/postgres_pool.h"
#include "tests/integration/pool_fixture.h"
#include "tests/support/fake_logger.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::CallFor;
using testing::Eventually;
using ::testing::HasSubstr;
using testing::kPatience;

constexpr PostgresStatement kAdd = {"add", "SELECT $1::bigint + $2::int AS sum"};
constexpr PostgresStatement kSleep = {"sleep", "SELECT pg_sleep($1::float8)"};

// Transactions that hold a connection each until the object goes.
class HeldConnections {
 public:
  HeldConnections(PostgresPool& pool, int count) {
    for (int i = 0; i < count; ++i) {
      calls_.push_back(std::async(std::launch::async, [this, &pool] {
        return pool.Transact(CallFor(), [this](PostgresSession&) {
          ++held_;
          release_.wait();
          return absl::OkStatus();
        });
      }));
    }
  }
  ~HeldConnections() { released_.set_value(); }
  HeldConnections(const HeldConnections&) = delete;
  HeldConnections& operator=(const HeldConnections&) = delete;

  // Whether `count` of them have a connection at the same time.
  bool Reaches(int count, Duration limit = 10s) const {
    return Eventually([&] { return held_ == count; }, limit);
  }

 private:
  std::promise<void> released_;
  const std::shared_future<void> release_ = released_.get_future().share();
  std::atomic<int> held_ = 0;
  std::vector<std::future<absl::Status>> calls_;  // first to go: waits for the calls
};

class PostgresPoolCapacityTest : public testing::PoolFixture {
 protected:
  std::string Backends() {
    return Ask(
        "SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity WHERE"
        " application_name = 'pool'");
  }
};

TEST_F(PostgresPoolCapacityTest, RefusesToWaitLongerThanTheWaitLimit) {
  options_.max_connections = 1;
  options_.wait_limit = 50ms;
  const auto pool = MakePool();
  ASSERT_TRUE(Eventually([&] { return pool->reachable(); }));
  absl::Status waited;
  EXPECT_TRUE(pool->Transact(CallFor(),
                             [&](PostgresSession&) {
                               // The only connection is held here.
                               waited = pool->Execute(CallFor(), kAdd, {1, 1}).status();
                               return absl::OkStatus();
                             })
                  .ok());
  EXPECT_TRUE(absl::IsUnavailable(waited)) << waited;
  EXPECT_EQ(ReasonOf(waited), "DATABASE_POOL_EXHAUSTED");
  EXPECT_THAT(std::string(waited.message()), HasSubstr("DB_POOL_WAIT"));
  EXPECT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
}

TEST_F(PostgresPoolCapacityTest, WaitsNoLongerThanTheCallsDeadline) {
  options_.max_connections = 1;
  options_.wait_limit = 20s;
  const auto pool = MakePool();
  const MonotonicTime start = SystemClock().Now();
  absl::Status waited;
  EXPECT_TRUE(pool->Transact(CallFor(),
                             [&](PostgresSession&) {
                               waited = pool->Execute(CallFor(30ms), kAdd, {1, 1}).status();
                               return absl::OkStatus();
                             })
                  .ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(waited)) << waited;
  EXPECT_LT(SystemClock().Now() - start, 5s);
}

TEST_F(PostgresPoolCapacityTest, MakesNoMoreConnectionsThanItsMaximum) {
  options_.max_connections = 3;
  options_.wait_limit = 20s;
  const auto pool = MakePool();
  std::vector<std::jthread> threads;
  std::atomic<int> served = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 5; ++j) served += pool->Execute(CallFor(), kSleep, {"0.01"}).ok() ? 1 : 0;
    });
  }
  for (std::jthread& thread : threads) thread.join();
  EXPECT_EQ(served, 40);
  EXPECT_EQ(Ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'"), "3");
  const std::string page = metrics_->RenderPrometheus();
  EXPECT_THAT(page, HasSubstr("db_client_connection_count{pool=\"requests\",state=\"idle\"} 3"));
  EXPECT_THAT(page, HasSubstr("db_client_connection_max{pool=\"requests\"} 3"));
  EXPECT_THAT(page, HasSubstr("db_client_connection_pending_requests{pool=\"requests\"} 0"));
  EXPECT_THAT(page,
              HasSubstr("db_client_connection_wait_time_seconds_count{pool=\"requests\"} 40"));
}

TEST_F(PostgresPoolCapacityTest, HasItsMaximumAgainAfterItDroppedItsIdleConnections) {
  options_.max_connections = 3;
  options_.wait_limit = kPatience;
  const auto pool = MakePool();
  ASSERT_TRUE(HeldConnections(*pool, 3).Reaches(3));
  Ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pool'");
  EXPECT_TRUE(Eventually([&] { return pool->Execute(CallFor(), kAdd, {1, 1}).ok(); }));
  EXPECT_TRUE(HeldConnections(*pool, 3).Reaches(3));
}

TEST_F(PostgresPoolCapacityTest, RefusesWaitingCallersWhenTheServerGoes) {
  options_.max_connections = 1;
  options_.wait_limit = kPatience;
  const auto pool = MakePool();
  auto held = std::make_unique<HeldConnections>(*pool, 1);
  ASSERT_TRUE(held->Reaches(1));
  auto waiting = std::async(std::launch::async, [&] {
    return pool->Execute(CallFor(), kAdd, {1, 1}).status();
  });
  ASSERT_TRUE(Eventually([&] {
    return metrics_->RenderPrometheus().find(
               "db_client_connection_pending_requests{pool=\"requests\"} 1") != std::string::npos;
  }));
  postgres_.Stop();
  EXPECT_EQ(waiting.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(ReasonOf(waiting.get()), "DATABASE_UNAVAILABLE");
  held.reset();
  postgres_.Start();
  EXPECT_TRUE(Eventually([&] { return pool->Execute(CallFor(), kAdd, {1, 1}).ok(); }));
}

TEST_F(PostgresPoolCapacityTest, KeepsItsConnectionsWhenTheServerIsOutOfResources) {
  options_.max_connections = 3;
  const auto pool = MakePool();
  ASSERT_TRUE(HeldConnections(*pool, 3).Reaches(3));
  const std::string before = Backends();
  for (const char* sqlstate : {"53000", "53100", "53200", "53400"}) {
    const std::string sql = std::string("DO $$ BEGIN RAISE SQLSTATE '") + sqlstate + "'; END $$";
    const absl::Status status = pool->Execute(CallFor(), {sqlstate, sql.c_str()}).status();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_EQ(ReasonOf(status), "DATABASE_OVERLOADED");
  }
  ASSERT_TRUE(HeldConnections(*pool, 3).Reaches(3));
  EXPECT_EQ(Backends(), before);
}

TEST_F(PostgresPoolCapacityTest, ReportsThatItCannotMakeFurtherConnections) {
  // The limit of a role does not apply to superusers. Roles are shared by all databases.
  Ask("CREATE ROLE limited LOGIN CONNECTION LIMIT 1");
  options_.connect.conninfo = conninfo_ + " user=limited";
  options_.max_connections = 3;
  options_.wait_limit = 500ms;
  testing::FakeLogger logger;
  PostgresPool pool(options_, {}, {}, logger, *metrics_, SystemClock());
  const HeldConnections held(pool, 1);
  ASSERT_TRUE(held.Reaches(1));
  const absl::Status status = pool.Execute(CallFor(), kAdd, {1, 1}).status();
  EXPECT_EQ(ReasonOf(status), "DATABASE_POOL_EXHAUSTED") << status;
  // Tried several times, logged once.
  EXPECT_EQ(logger.CountOf("database connection not made"), 1u);
  const auto line = logger.Find("database connection not made");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->level, LogLevel::kWarn);
  EXPECT_THAT(line->fields.at("detail"), HasSubstr("too many connections for role"));
  EXPECT_EQ(line->fields.at("connections"), "1");
  const std::string page = metrics_->RenderPrometheus();
  EXPECT_THAT(page, HasSubstr("db_client_connection_open_failures_total{pool=\"requests\"} "));
  EXPECT_THAT(page,
              Not(HasSubstr("db_client_connection_open_failures_total{pool=\"requests\"} 0")));
  EXPECT_TRUE(pool.reachable());
}

TEST_F(PostgresPoolCapacityTest, MakesSeveralConnectionsAtATime) {
  // Each login takes a second; nine of them one after the other take nine.
  options_.connect.conninfo = conninfo_ + " options='-c post_auth_delay=1'";
  options_.max_connections = 10;
  options_.wait_limit = kPatience;
  const auto pool = MakePool();
  ASSERT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
  const MonotonicTime start = SystemClock().Now();
  const HeldConnections held(*pool, 10);
  EXPECT_TRUE(held.Reaches(10, kPatience));
  EXPECT_LT(SystemClock().Now() - start, 8s);
}

}  // namespace
}  // namespace scaleout
