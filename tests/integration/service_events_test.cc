#include "service/events/service_events.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/user/schema.h"
#include "tests/integration/pool_fixture.h"
#include "tests/integration/private_redis.h"
#include "tests/support/fake_logger.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::CallFor;
using testing::Eventually;
using testing::FakeLogger;
using testing::PrivateRedis;

constexpr int kAggregates = 5;
// What service_events.h promises.
constexpr Duration kStopLimit = 2s;

// One process of a service, without its RPCs.
class Instance {
 public:
  Instance(const std::string& service, const std::string& id, const std::string& conninfo,
           std::optional<RedisServer> server, std::vector<PublishedStream> publishes,
           Logger& logger)
      : config_(ConfigOf(service, id, conninfo, std::move(server))),
        logger_(logger),
        pool_(config_.database, MakePostgresPrepare(config_, user::Schema(), logger), {}, logger,
              *metrics_, clock_) {
    events_.emplace(context_, std::move(publishes));
  }

  ServiceEvents& events() { return *events_; }
  PostgresPool& pool() { return pool_; }
  Metrics& metrics() { return *metrics_; }
  Duration Stop() {
    const MonotonicTime start = clock_.Now();
    events_.reset();
    return clock_.Now() - start;
  }

 private:
  static ServiceConfig ConfigOf(const std::string& service, const std::string& id,
                                const std::string& conninfo, std::optional<RedisServer> server) {
    ServiceConfig config;
    config.service = service;
    config.instance_id = id;
    config.database.connect.conninfo = conninfo;
    config.database.connect.application_name = id;
    config.event_server = std::move(server);
    return config;
  }

  const ServiceConfig config_;
  Logger& logger_;
  const Clock& clock_ = SystemClock();
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  StopSignals signals_;
  ServiceHost host_{config_, logger_, *metrics_, clock_};
  PostgresPool pool_;
  ServiceContext context_{config_, host_, signals_, pool_, logger_, *metrics_, clock_};
  std::optional<ServiceEvents> events_;
};

// A publisher, and a service of two replicas that consumes.
class ServiceEventsTest : public testing::PoolFixture {
 protected:
  ServiceEventsTest() {
    Ask("CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY, aggregate bigint, n text)");
    publisher_.events().Start();
    EXPECT_TRUE(Eventually([&] { return publisher_.pool().reachable(); }));
    for (auto& consumer : consumers_) consumer.events().Start({{"user.changed", Handler()}});
    EXPECT_TRUE(Eventually(
        [&] { return consumers_[0].pool().reachable() && consumers_[1].pool().reachable(); }));
  }

  EventHandler Handler() {
    return [this](PostgresSession& session,
                  const events::v1::Event& event) -> absl::StatusOr<EventEffect> {
      static constexpr PostgresStatement kEffect = {
          "effect", "INSERT INTO effects (aggregate, n) VALUES ($1, $2)"};
      if (holding_) return absl::UnavailableError("not yet");
      const auto written = session.Execute(kEffect, {event.aggregate_id, event.payload});
      if (!written.ok()) return written.status();
      return EventEffect::kApplied;
    };
  }

  void Publish(int events) {
    for (int i = 0; i < events; ++i) {
      const int aggregate = published_ % kAggregates + 1;
      const std::string n = std::to_string(published_++);
      Outbox& outbox = publisher_.events().outbox();
      const absl::Status status = outbox.Transact(CallFor(), [&](PostgresSession& session) {
        return outbox.Add(session, {{"user.changed", aggregate, n}});
      });
      ASSERT_TRUE(status.ok()) << status;
    }
  }

  // Each effect once, in the order of its aggregate, and nothing left on the way.
  void ExpectAllArrived() {
    const auto rest = [&] {
      return postgres_.Ask(publisher_conninfo_, "SELECT count(*) FROM outbox");
    };
    EXPECT_TRUE(Eventually([&] { return rest() == "0"; }, 60s)) << rest();
    for (int aggregate = 1; aggregate <= kAggregates; ++aggregate) {
      std::string expected;
      for (int n = aggregate - 1; n < published_; n += kAggregates) {
        expected += (expected.empty() ? "" : " ") + std::to_string(n);
      }
      EXPECT_EQ(Ask("SELECT coalesce(string_agg(n, ' ' ORDER BY id), '') FROM effects"
                    " WHERE aggregate = " +
                    std::to_string(aggregate)),
                expected);
    }
    EXPECT_EQ(Ask("SELECT count(*) FROM dead_letters"), "0");
    EXPECT_EQ(Ask("SELECT count(*) FROM inbox_failures"), "0");
  }

  std::int64_t Pending() {
    return redis_.Ask({"XPENDING", "events:user", "consumer"}).at(0).integer();
  }

  std::atomic<bool> holding_{false};
  int published_ = 0;
  FakeLogger log_;
  PrivateRedis redis_;
  const std::string publisher_conninfo_ = postgres_.CreateDatabase();
  Instance publisher_{"publisher",
                      "publisher-1",
                      publisher_conninfo_,
                      redis_.server(),
                      {{"user", {"user.changed"}, {"consumer"}}},
                      log_};
  Instance consumers_[2] = {{"consumer", "consumer-1", conninfo_, redis_.server(), {}, log_},
                            {"consumer", "consumer-2", conninfo_, redis_.server(), {}, log_}};
};

TEST_F(ServiceEventsTest, EachEventHasItsEffectOnce) {
  Publish(100);
  ExpectAllArrived();
  EXPECT_THAT(
      publisher_.metrics().RenderPrometheus(),
      ::testing::HasSubstr("events_total{outcome=\"published\",type=\"user.changed\"} 100"));
}

TEST_F(ServiceEventsTest, EventsArriveAlthoughTheServerIsKilledAndFlushed) {
  for (int i = 0; i < 3; ++i) {
    Publish(20);
    redis_.Ask({"FLUSHALL"});
    Publish(20);
    redis_.Kill();
    Publish(20);
    ASSERT_TRUE(Eventually([&] { return log_.CountOf("publishing events has to wait") > 0; }));
    redis_.Start();
  }
  ExpectAllArrived();
}

TEST_F(ServiceEventsTest, EventsArriveAlthoughTheStreamIsRemovedUnderItsReaders) {
  Publish(1);
  ExpectAllArrived();
  holding_ = true;
  Publish(10);
  ASSERT_TRUE(Eventually([&] { return Pending() > 0; }));
  redis_.Ask({"DEL", "events:user"});
  holding_ = false;
  Publish(10);
  ExpectAllArrived();
}

TEST_F(ServiceEventsTest, EventsArriveAfterTheServersWereFrozen) {
  Publish(20);
  {
    const auto frozen = redis_.Freeze();
    Publish(20);
    ASSERT_TRUE(Eventually([&] { return log_.CountOf("publishing events has to wait") > 0; }));
  }
  Publish(20);
  {
    const auto frozen = postgres_.Freeze();
    ASSERT_TRUE(Eventually([&] { return log_.CountOf("handling events has to wait") > 0; }));
  }
  ASSERT_TRUE(Eventually([&] { return publisher_.pool().reachable(); }));
  Publish(20);
  ExpectAllArrived();
}

TEST_F(ServiceEventsTest, ReplicaThatStopsLeavesNothingBehind) {
  Publish(50);
  consumers_[0].Stop();
  Publish(50);
  ExpectAllArrived();
}

TEST_F(ServiceEventsTest, StopsSoonWhileTheServersAreFrozen) {
  Publish(20);
  ExpectAllArrived();
  holding_ = true;
  Publish(5);
  ASSERT_TRUE(Eventually([&] { return Pending() > 0; }));
  {
    const auto frozen = postgres_.Freeze();
    holding_ = false;
    EXPECT_LT(consumers_[0].Stop(), kCommitLimit + kStopLimit);
  }
  ASSERT_TRUE(Eventually([&] { return publisher_.pool().reachable(); }));
  const auto frozen = redis_.Freeze();
  Publish(5);
  EXPECT_LT(consumers_[1].Stop(), kStopLimit);
  EXPECT_LT(publisher_.Stop(), kStopLimit);
}

TEST_F(ServiceEventsTest, WithoutServerEventsWaitInTheDatabase) {
  Instance alone("alone", "alone-1", postgres_.CreateDatabase(), {},
                 {{"user", {"user.changed"}, {"consumer"}}}, log_);
  alone.events().Start({{"user.changed", Handler()}});
  EXPECT_EQ(log_.CountOf("events wait in the database: REDIS_STATE_ADDRESS is not set"), 1U);
  ASSERT_TRUE(Eventually([&] { return alone.pool().reachable(); }));
  Outbox& outbox = alone.events().outbox();
  EXPECT_TRUE(outbox
                  .Transact(CallFor(),
                            [&](PostgresSession& session) {
                              return outbox.Add(session, {{"user.changed", 1, "{}"}});
                            })
                  .ok());
}

TEST_F(ServiceEventsTest, StopsWhileTheDatabaseWasNeverThere) {
  Instance waiting("waiting", "waiting-1", "host=/nowhere dbname=none", redis_.server(),
                   {{"user", {"user.changed"}, {"consumer"}}}, log_);
  waiting.events().Start({{"user.changed", Handler()}});
  EXPECT_LT(waiting.Stop(), kStopLimit);
}

}  // namespace
}  // namespace scaleout
