#include "common/call_durations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace scaleout {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(CallDurations, HasASeriesForEachCodeThatOccurred) {
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  CallDurations durations(*metrics, "call_duration_seconds", "Calls", {{"method", "Get"}});
  EXPECT_THAT(metrics->RenderPrometheus(), Not(HasSubstr("call_duration_seconds")));
  durations.Observe(absl::StatusCode::kOk, milliseconds(20));
  durations.Observe(absl::StatusCode::kOk, milliseconds(30));
  durations.Observe(absl::StatusCode::kNotFound, milliseconds(1));
  durations.Observe(static_cast<absl::StatusCode>(99), milliseconds(1));
  const auto histogram = [&metrics](const char* code) -> const Histogram& {
    return metrics->AddHistogram("call_duration_seconds", "", LatencyBounds(),
                                 {{"method", "Get"}, {"code", code}});
  };
  EXPECT_EQ(histogram("OK").count(), 2U);
  EXPECT_DOUBLE_EQ(histogram("OK").sum(), 0.05);
  EXPECT_EQ(histogram("NOT_FOUND").count(), 1U);
  EXPECT_EQ(histogram("UNKNOWN").count(), 1U);
  EXPECT_THAT(metrics->RenderPrometheus(), Not(HasSubstr("INTERNAL")));
}

}  // namespace
}  // namespace scaleout
