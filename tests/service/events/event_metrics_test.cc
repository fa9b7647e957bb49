#include "service/events/event_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class EventMetricsTest : public ::testing::Test {
 protected:
  std::string Page() const { return metrics_->RenderPrometheus(); }

  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  EventMetrics events_{*metrics_, {"user.changed", "order.changed"}};
};

TEST_F(EventMetricsTest, CountsByTypeAndOutcome) {
  events_.Count("user.changed", EventOutcome::kApplied);
  events_.Count("user.changed", EventOutcome::kApplied);
  events_.Count("order.changed", EventOutcome::kDead);
  EXPECT_THAT(Page(), HasSubstr("events_total{outcome=\"applied\",type=\"user.changed\"} 2"));
  EXPECT_THAT(Page(), HasSubstr("events_total{outcome=\"dead\",type=\"order.changed\"} 1"));
  EXPECT_THAT(Page(), HasSubstr("events_total{outcome=\"old\",type=\"user.changed\"} 0"));
}

// A series for each type that some publisher writes would never go away.
TEST_F(EventMetricsTest, TypesThatAreNotDeclaredCountAsOther) {
  events_.Count("user.renamed", EventOutcome::kIgnored);
  events_.Count("", EventOutcome::kDead);
  EXPECT_THAT(Page(), HasSubstr("events_total{outcome=\"ignored\",type=\"other\"} 1"));
  EXPECT_THAT(Page(), HasSubstr("events_total{outcome=\"dead\",type=\"other\"} 1"));
  EXPECT_THAT(Page(), ::testing::Not(HasSubstr("renamed")));
}

TEST_F(EventMetricsTest, OutcomesHaveTheNamesOfTheDocuments) {
  std::string names;
  for (const auto outcome :
       {EventOutcome::kPublished, EventOutcome::kApplied, EventOutcome::kIgnored,
        EventOutcome::kOld, EventOutcome::kGap, EventOutcome::kFailed, EventOutcome::kDead}) {
    names += std::string(EventOutcomeName(outcome)) + " ";
  }
  EXPECT_EQ(names, "published applied ignored old gap failed dead ");
}

TEST_F(EventMetricsTest, LagOfAnEventFromTheFutureIsZero) {
  events_.ObserveLag(-5s);
  events_.ObserveLag(1500ms);
  EXPECT_THAT(Page(), HasSubstr("inbox_lag_seconds_sum 1.5"));
  EXPECT_THAT(Page(), HasSubstr("inbox_lag_seconds_bucket{le=\"0.001\"} 1"));
  EXPECT_THAT(Page(), HasSubstr("inbox_lag_seconds_count 2"));
}

TEST_F(EventMetricsTest, FiguresAreGauges) {
  events_.Set({.unpublished = 3, .published = 4, .dead = 5, .oldest_age_seconds = 6.5});
  EXPECT_THAT(Page(), HasSubstr("outbox_pending 3"));
  EXPECT_THAT(Page(), HasSubstr("outbox_unacknowledged 4"));
  EXPECT_THAT(Page(), HasSubstr("outbox_dead 5"));
  EXPECT_THAT(Page(), HasSubstr("outbox_oldest_age_seconds 6.5"));
  events_.Set({});
  EXPECT_THAT(Page(), HasSubstr("outbox_pending 0"));
}

}  // namespace
}  // namespace scaleout
