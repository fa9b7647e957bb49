#include "gateway/handlers/instance_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "gateway/json/json_reader.h"
#include "tests/support/fake_backends.h"
#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FakeSnapshotSource final : public InstanceSnapshotSource {
 public:
  InstanceSnapshot TakeSnapshot() const override { return snapshot; }
  InstanceSnapshot snapshot;
};

struct ReportFixture {
  testing::FakeClock clock;
  FakeSnapshotSource source;
  Readiness readiness{[] { return true; }};
  testing::ThreeBackends backends;

  InstanceReport Make(InstanceIdentity identity) {
    return {std::move(identity), clock, source, readiness, backends.all};
  }
};

TEST(InstanceReport, SaysWhatTheInstanceIsAndDoes) {
  ReportFixture fixture;
  fixture.backends.payment.breaker().ForceOpen();
  InstanceSnapshot& snapshot = fixture.source.snapshot;
  snapshot.process.pid = 42;
  snapshot.process.resident_bytes = 1000;
  snapshot.requests.total = 10;
  snapshot.requests.in_flight = 3;
  snapshot.event_loops.resize(2);
  snapshot.event_loops[0].lag_ms_current = 1;
  snapshot.event_loops[0].lag_ms_p99 = 20;
  snapshot.event_loops[0].lag_ms_max = 30;
  snapshot.event_loops[0].utilization = 0.5;
  snapshot.event_loops[1].lag_ms_current = 2;
  snapshot.event_loops[1].lag_ms_p99 = 10;
  snapshot.event_loops[1].lag_ms_max = 40;
  snapshot.event_loops[1].utilization = 1;
  InstanceReport report = fixture.Make({"gateway-1-w2", 2, {"127.0.0.1:8081", "unix:/x"}});
  fixture.clock.Advance(std::chrono::seconds(2));
  EXPECT_EQ(report.Describe(),
            R"({"instanceId":"gateway-1-w2","processId":42,"worker":2,)"
            R"("addresses":["127.0.0.1:8081","unix:/x"],"startedAt":"2019-12-20T00:00:01Z",)"
            R"("draining":false,"loops":2,"lagMs":{"current":2.0,"p99":20.0,"max":40.0},)"
            R"("utilization":0.75,"requestsPerSecond":5.0,"requestsInFlight":3,)"
            R"("breakers":{"user":"CLOSED","order":"CLOSED","payment":"FORCED_OPEN"},)"
            R"("residentBytes":1000})");
}

TEST(InstanceReport, HasTheBreakersOfCallsApart) {
  ReportFixture fixture;
  fixture.backends.all.AddGuard("credentials", fixture.backends.fixture.parts())
      .breaker()
      .ForceOpen();
  fixture.backends.all.AddGuard("charges", fixture.backends.fixture.parts());
  InstanceReport report = fixture.Make({"gateway-1", 0, {}});
  EXPECT_THAT(report.Describe(),
              HasSubstr(R"("payment":"CLOSED","credentials":"FORCED_OPEN","charges":"CLOSED"})"));
}

TEST(InstanceReport, HasNoWorkerWithoutSupervisor) {
  ReportFixture fixture;
  InstanceReport report = fixture.Make({"gateway-1", 0, {}});
  EXPECT_THAT(report.Describe(), Not(HasSubstr("worker")));
  EXPECT_THAT(report.Describe(), HasSubstr(R"("addresses":[])"));
}

TEST(InstanceReport, CountsRequestsSinceTheDescriptionBefore) {
  ReportFixture fixture;
  InstanceReport report = fixture.Make({"gateway-1", 0, {}});
  EXPECT_THAT(report.Describe(), HasSubstr(R"("requestsPerSecond":0.0)")) << "no time has passed";
  fixture.source.snapshot.requests.total = 100;
  fixture.clock.Advance(std::chrono::seconds(1));
  EXPECT_THAT(report.Describe(), HasSubstr(R"("requestsPerSecond":100.0)"));
  fixture.source.snapshot.requests.total = 150;
  fixture.clock.Advance(std::chrono::milliseconds(500));
  EXPECT_THAT(report.Describe(), HasSubstr(R"("requestsPerSecond":100.0)"));
  fixture.clock.Advance(std::chrono::seconds(1));
  EXPECT_THAT(report.Describe(), HasSubstr(R"("requestsPerSecond":0.0)"));
}

TEST(InstanceReport, SaysThatItDrains) {
  ReportFixture fixture;
  InstanceReport report = fixture.Make({"gateway-1", 0, {}});
  fixture.readiness.SetDraining();
  EXPECT_THAT(report.Describe(), HasSubstr(R"("draining":true)"));
}

TEST(InstanceReport, NamesOnlyTheFirstAddresses) {
  ReportFixture fixture;
  InstanceReport report =
      fixture.Make({"g", 0, std::vector<std::string>(kMaxReportedAddresses + 1, "a")});
  EXPECT_THAT(report.Describe(),
              HasSubstr(R"("addresses":["a","a","a","a","a","a","a","a"],"startedAt")"));
}

TEST(InstanceReport, IsAnObjectThatNamesItsInstance) {
  ReportFixture fixture;
  InstanceReport report = fixture.Make({"gateway-\"1\"", 0, {"a"}});
  EXPECT_EQ(FindJsonText(report.Describe(), "instanceId"), "gateway-\"1\"");
}

}  // namespace
}  // namespace scaleout::gateway
