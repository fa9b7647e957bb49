#include "gateway/events/event_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(GatewayEventMetrics, CountByTypeAndOutcome) {
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  EventMetrics events(*metrics);
  events.Count("user.changed", EventOutcome::kInvalidated);
  events.Count("payment.changed", EventOutcome::kInvalidated);
  events.Count("payment.changed", EventOutcome::kFailed);
  events.Count("payment.captured", EventOutcome::kIgnored);
  events.Count("", EventOutcome::kMalformed);
  EXPECT_EQ(events.CountOf(EventOutcome::kInvalidated), 2);
  EXPECT_EQ(events.CountOf(EventOutcome::kIgnored), 1);
  const std::string page = metrics->RenderPrometheus();
  for (const char* line : {R"(events_total{outcome="invalidated",type="user.changed"} 1)",
                           R"(events_total{outcome="invalidated",type="payment.changed"} 1)",
                           R"(events_total{outcome="failed",type="payment.changed"} 1)",
                           R"(events_total{outcome="ignored",type="other"} 1)",
                           R"(events_total{outcome="malformed",type="other"} 1)"}) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST(GatewayEventMetrics, MeasureNoNegativeLag) {
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  EventMetrics events(*metrics);
  events.ObserveLag(30ms);
  events.ObserveLag(-1h);  // of a publisher whose clock is fast
  const std::string page = metrics->RenderPrometheus();
  EXPECT_THAT(page, HasSubstr("inbox_lag_seconds_count 2"));
  EXPECT_THAT(page, HasSubstr("inbox_lag_seconds_sum 0.03"));
  EXPECT_GT(events.LagQuantile(0.99), 0.02);
}

}  // namespace
}  // namespace scaleout::gateway
