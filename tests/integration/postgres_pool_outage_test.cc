// What a pool does when connections break, when the server is away, and when it cannot be prepared.
#include <atomic>
#include <future>
#include <mutex>
#include <vector>

#include "common/status.h"
#include "postgres/postgres_pool.h"
#include "tests/integration/pool_fixture.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::CallFor;
using testing::Eventually;
using ::testing::HasSubstr;

constexpr PostgresStatement kAdd = {"add", "SELECT $1::bigint + $2::int AS sum"};
constexpr PostgresStatement kSleep = {"sleep", "SELECT pg_sleep($1::float8)"};
constexpr PostgresStatement kInsert = {"insert", "INSERT INTO t (n) VALUES ($1)"};
constexpr PostgresStatement kBackend = {"backend", "SELECT pg_backend_pid() AS pid"};

class PostgresPoolOutageTest : public testing::PoolFixture {};

TEST_F(PostgresPoolOutageTest, DropsAConnectionThatBroke) {
  options_.max_connections = 2;
  const auto pool = MakePool();
  const auto backend =
      pool->Query(CallFor(), kBackend, {}, [](const PostgresRow& row) { return row.Text("pid"); });
  ASSERT_TRUE(backend.ok());
  Ask("SELECT pg_terminate_backend(" + backend->front() + ")");
  const auto broken = pool->Execute(CallFor(), kAdd, {1, 1});
  // Either the call met the broken connection, or the pool did before it.
  if (!broken.ok()) {
    EXPECT_TRUE(absl::IsUnavailable(broken.status())) << broken.status();
    EXPECT_EQ(ReasonOf(broken.status()), "DATABASE_UNAVAILABLE");
  }
  EXPECT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
}

TEST_F(PostgresPoolOutageTest, SaysThatACommitIsInDoubtWhenTheConnectionBreaksInIt) {
  Ask("CREATE TABLE t (n int)");
  Ask("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
      " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; "
      "END'");
  Ask("CREATE CONSTRAINT TRIGGER die AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"
      " FOR EACH ROW EXECUTE FUNCTION die()");
  const auto pool = MakePool();
  const absl::Status status = pool->Transact(
      CallFor(), [](PostgresSession& session) { return session.Execute(kInsert, {1}).status(); });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(ReasonOf(status), "COMMIT_IN_DOUBT");
  EXPECT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
}

TEST_F(PostgresPoolOutageTest, FailsFastWhileTheServerIsAwayAndRecoversWhenItIsBack) {
  std::mutex mutex;
  std::vector<bool> announced;
  options_.wait_limit = 20s;
  const auto pool = MakePool({}, {[&](bool reachable) {
                                    const std::lock_guard lock(mutex);
                                    announced.push_back(reachable);
                                  },
                                  {}});
  ASSERT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
  postgres_.Stop();
  // Without any call: the pool finds out by itself.
  EXPECT_TRUE(Eventually([&] { return !pool->reachable(); }));
  const MonotonicTime start = SystemClock().Now();
  for (int i = 0; i < 100; ++i) {
    const absl::Status status = pool->Execute(CallFor(), kAdd, {1, 1}).status();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
  EXPECT_LT(SystemClock().Now() - start, 5s);
  postgres_.Start();
  EXPECT_TRUE(Eventually([&] { return pool->Execute(CallFor(), kAdd, {1, 1}).ok(); }));
  EXPECT_TRUE(pool->reachable());
  const std::lock_guard lock(mutex);
  EXPECT_EQ(announced, (std::vector<bool>{false, true, false, true}));
}

TEST_F(PostgresPoolOutageTest, AnswersUnavailableToCallsThatRunWhenTheServerStops) {
  options_.max_connections = 4;
  const auto pool = MakePool();
  ASSERT_TRUE(pool->Execute(CallFor(), kAdd, {1, 1}).ok());
  std::vector<std::future<absl::Status>> calls;
  for (int i = 0; i < 4; ++i) {
    calls.push_back(std::async(std::launch::async,
                               [&] { return pool->Execute(CallFor(), kSleep, {"15"}).status(); }));
  }
  ASSERT_TRUE(Eventually([&] { return RunningStatements() == "4"; }));
  postgres_.Stop();
  for (auto& call : calls) {
    const absl::Status status = call.get();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
  postgres_.Start();
  EXPECT_TRUE(Eventually([&] { return pool->Execute(CallFor(), kAdd, {1, 1}).ok(); }));
}

TEST_F(PostgresPoolOutageTest, StartsBeforeItsServer) {
  postgres_.Stop();
  std::atomic<int> prepared = 0;
  const auto pool = MakePool([&](const CallContext&, PostgresConnection&) {
    ++prepared;
    return absl::OkStatus();
  });
  EXPECT_TRUE(Eventually([&] {
    return absl::IsUnavailable(pool->Execute(CallFor(), kAdd, {1, 1}).status());
  }));
  EXPECT_EQ(prepared, 0);
  postgres_.Start();
  EXPECT_TRUE(Eventually([&] { return pool->Execute(CallFor(), kAdd, {1, 1}).ok(); }));
  EXPECT_EQ(prepared, 1);
}

TEST_F(PostgresPoolOutageTest, PreparesAgainAfterATransientFailure) {
  std::atomic<int> tries = 0;
  const auto pool = MakePool([&](const CallContext&, PostgresConnection&) -> absl::Status {
    return ++tries < 3 ? absl::AbortedError("another replica is preparing it") : absl::OkStatus();
  });
  EXPECT_TRUE(Eventually([&] { return pool->reachable(); }));
  EXPECT_EQ(tries, 3);
}

TEST_F(PostgresPoolOutageTest, StaysShutWhenItCannotBePrepared) {
  std::promise<absl::Status> fatal;
  const auto pool = MakePool(
      [](const CallContext&, PostgresConnection&) {
        return absl::FailedPreconditionError("a changed migration");
      },
      {{}, [&](const absl::Status& status) { fatal.set_value(status); }});
  const absl::Status status = fatal.get_future().get();
  EXPECT_THAT(std::string(status.message()), HasSubstr("a changed migration"));
  EXPECT_TRUE(absl::IsUnavailable(pool->Execute(CallFor(), kAdd, {1, 1}).status()));
}

}  // namespace
}  // namespace scaleout
