#include "gateway/handlers/metrics_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_backends.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;
using testing::RunningTask;
using testing::TestRequest;
using Answer = absl::StatusOr<Response>;

class FakeSnapshotSource final : public InstanceSnapshotSource {
 public:
  InstanceSnapshot TakeSnapshot() const override {
    ++taken;
    return snapshot;
  }
  InstanceSnapshot snapshot;
  mutable int taken = 0;
};

struct MetricsFixture {
  testing::RequestFixture request;
  FakeSnapshotSource source;
  testing::ThreeBackends backends;
  MetricsHandlers handlers{"gateway-1", 1, *backends.metrics, source, backends.all, nullptr};
};

TEST(MetricsHandlers, RendersTheRegistryForPrometheus) {
  MetricsFixture fixture;
  fixture.backends.metrics->AddCounter("things_total", "Things.").Increment(3);
  const TestRequest request;
  RunningTask<Answer> running(fixture.handlers.Prometheus(fixture.request.context, request));
  EXPECT_EQ(running.value()->content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(running.value()->body, HasSubstr("things_total 3"));
}

TEST(MetricsHandlers, TakesOneSnapshotASecondHoweverManyAsk) {
  MetricsFixture fixture;
  const TestRequest request;
  for (int i = 0; i < 3; ++i) {
    RunningTask<Answer> running(fixture.handlers.Json(fixture.request.context, request));
    EXPECT_TRUE(running.value().ok());
  }
  EXPECT_EQ(fixture.source.taken, 1);
  fixture.request.clock.Advance(kMaxSharedAge);
  RunningTask<Answer> running(fixture.handlers.Json(fixture.request.context, request));
  EXPECT_EQ(fixture.source.taken, 2);
}

TEST(MetricsHandlers, RendersWhatTheInstanceMeasuresAsJson) {
  MetricsFixture fixture;
  fixture.backends.user.CountCall(absl::OkStatus());
  fixture.backends.user.CountCall(absl::UnavailableError(""));
  const std::optional<BulkheadPermit> in_flight = fixture.backends.user.bulkhead().TryAcquire();
  fixture.backends.payment.breaker().ForceOpen();
  InstanceSnapshot& snapshot = fixture.source.snapshot;
  snapshot.process.pid = 42;
  snapshot.process.uptime_seconds = 10.5;
  snapshot.process.cpu_seconds = 1.25;
  snapshot.process.resident_bytes = 1000;
  snapshot.process.threads = 5;
  snapshot.process.open_fds = 20;
  snapshot.event_loops.resize(2);
  snapshot.event_loops[1].lag_ms_current = 1;
  snapshot.event_loops[1].lag_ms_mean = 2;
  snapshot.event_loops[1].lag_ms_p50 = 3;
  snapshot.event_loops[1].lag_ms_p99 = 4;
  snapshot.event_loops[1].lag_ms_max = 5;
  snapshot.event_loops[1].utilization = 0.5;
  snapshot.requests.total = 100;
  snapshot.requests.in_flight = 2;
  snapshot.requests.errors = 3;
  snapshot.requests.latency_ms_p50 = 1.5;
  snapshot.requests.latency_ms_p95 = 2.5;
  snapshot.requests.latency_ms_p99 = 3.5;
  const TestRequest request;
  RunningTask<Answer> running(fixture.handlers.Json(fixture.request.context, request));
  const std::string closed =
      R"("circuitBreaker":{"state":"CLOSED","window":{"calls":0,"failed":0,"slow":0,)"
      R"("failureRatio":0.0,"slowCallRatio":0.0},"calls":{"successful":0,"failed":0,)"
      R"("ignored":0,"notPermitted":0},"retryAfterMs":0.0})";
  EXPECT_EQ(
      running.value()->body,
      R"({"instanceId":"gateway-1","process":{"pid":42,"uptimeSeconds":10.5,)"
      R"("cpuSeconds":1.25,"residentBytes":1000,"threads":5,"openFds":20},)"
      R"("eventLoops":[{"loop":0,"lagMs":{"current":0.0,"mean":0.0,"p50":0.0,"p99":0.0,)"
      R"("max":0.0},"utilization":0.0},{"loop":1,"lagMs":{"current":1.0,"mean":2.0,)"
      R"("p50":3.0,"p99":4.0,"max":5.0},"utilization":0.5}],)"
      R"("requests":{"total":100,"inFlight":2,"errors":3,)"
      R"("latencyMs":{"p50":1.5,"p95":2.5,"p99":3.5}},)"
      R"("backends":{"user":{"calls":2,"failures":1,"inFlight":1,)" +
          closed + R"(},"order":{"calls":0,"failures":0,"inFlight":0,)" + closed +
          R"(},"payment":{"calls":0,"failures":0,"inFlight":0,)"
          R"("circuitBreaker":{"state":"FORCED_OPEN","window":{"calls":0,"failed":0,"slow":0,)"
          R"("failureRatio":0.0,"slowCallRatio":0.0},"calls":{"successful":0,"failed":0,)"
          R"("ignored":0,"notPermitted":0},"retryAfterMs":5000.0}}}})");
}

TEST(MetricsHandlers, HasALineForEachMethodWhoseReadsAreCoalesced) {
  MetricsFixture fixture;
  Backend& orders = fixture.backends.all.Get("order");
  CoalescerMetrics& lists =
      orders.coalescers.emplace_back("order", "ListOrders", orders.guard.metrics());
  orders.coalescers.emplace_back("order", "GetOrder", orders.guard.metrics());
  lists.CountBatch(30);
  lists.CountBatch(10);
  lists.CountReturn();
  lists.CountWait(std::chrono::microseconds(100));
  lists.CountWait(std::chrono::microseconds(300));
  lists.CountJoined();
  lists.CountSplit();
  const TestRequest request;
  RunningTask<Answer> running(fixture.handlers.Json(fixture.request.context, request));
  const std::string& body = running.value()->body;
  EXPECT_THAT(body, HasSubstr(R"("coalescing":{"ListOrders":{"batches":2,"keys":40,)"
                              R"("meanBatch":20.0,"joined":1,"splits":1,"inFlight":1,)"
                              R"("waitMs":{"mean":0.)"));
  EXPECT_THAT(body, HasSubstr(R"("GetOrder":{"batches":0,"keys":0,"meanBatch":0.0,)"));
}

TEST(MetricsHandlers, SaysWhatBecameOfEventsAndWhatTheGroupHasBeforeIt) {
  MetricsFixture fixture;
  EventsReport report;
  report.invalidated = 5;
  report.ignored = 4;
  report.malformed = 3;
  report.failed = 2;
  report.lag_seconds_p50 = 0.0125;
  report.lag_seconds_p99 = 1.5;
  MetricsHandlers handlers("gateway-1", 1, *fixture.backends.metrics, fixture.source,
                           fixture.backends.all, [&report] { return report; });
  const TestRequest request;
  RunningTask<Answer> before(handlers.Json(fixture.request.context, request));
  EXPECT_THAT(before.value()->body,
              HasSubstr(R"("events":{"consumed":{"invalidated":5,"ignored":4,"malformed":3,)"
                        R"("failed":2},"lagMs":{"p50":12.5,"p99":1500.0},)"
                        R"("lastEventAgeSeconds":null,"streamsAgeSeconds":null,"streams":{}}})"));
  report.last_event_age = std::chrono::milliseconds(2500);
  report.backlogs_age = std::chrono::milliseconds(500);
  report.backlogs = {{.stream = "events:user", .length = 30, .lag = 20, .pending = 10},
                     {.stream = "events:order"}};
  fixture.request.clock.Advance(kMaxSharedAge);
  RunningTask<Answer> after(handlers.Json(fixture.request.context, request));
  EXPECT_THAT(after.value()->body,
              HasSubstr(R"("lastEventAgeSeconds":2.5,"streamsAgeSeconds":0.5,)"
                        R"("streams":{"events:user":{"length":30,"lag":20,"pending":10},)"
                        R"("events:order":{"length":0,"lag":0,"pending":0}}}})"));
}

}  // namespace
}  // namespace scaleout::gateway
