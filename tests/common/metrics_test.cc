#include "common/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace scaleout {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Counter, AddsUp) {
  Counter counter;
  counter.Increment();
  counter.Increment(2.5);
  EXPECT_EQ(counter.value(), 3.5);
}

TEST(Gauge, GoesBothWays) {
  Gauge gauge;
  gauge.Set(5);
  gauge.Add(-7);
  EXPECT_EQ(gauge.value(), -2);
}

TEST(Counter, LosesNoIncrementOfManyThreads) {
  Counter counter;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&counter] {
      for (int n = 0; n < 10'000; ++n) counter.Increment();
    });
  }
  for (std::jthread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 40'000);
}

TEST(Histogram, CountsAValueOnABoundInTheBucketBelow) {
  Histogram histogram({1, 2});
  histogram.Observe(1);
  histogram.Observe(1.5);
  histogram.Observe(3);
  EXPECT_EQ(histogram.BucketCount(0), 1u);
  EXPECT_EQ(histogram.BucketCount(1), 1u);
  EXPECT_EQ(histogram.BucketCount(2), 1u);
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_EQ(histogram.sum(), 5.5);
}

TEST(Histogram, IgnoresNaN) {
  Histogram histogram({1});
  histogram.Observe(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.sum(), 0);
}

TEST(Histogram, QuantileInterpolatesInItsBucket) {
  Histogram histogram({10, 20, 40});
  for (int i = 0; i < 10; ++i) histogram.Observe(5);
  for (int i = 0; i < 10; ++i) histogram.Observe(15);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.25), 5);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.5), 10);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.75), 15);
  EXPECT_DOUBLE_EQ(histogram.Quantile(1), 20);
}

TEST(Histogram, QuantileSkipsEmptyBuckets) {
  Histogram histogram({10, 20, 40});
  histogram.Observe(30);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0), 20);
  EXPECT_DOUBLE_EQ(histogram.Quantile(1), 40);
}

TEST(Histogram, QuantileOfNothingIsZeroAndBeyondTheBoundsTheLastOne) {
  Histogram histogram({1, 2});
  EXPECT_EQ(histogram.Quantile(0.99), 0);
  histogram.Observe(1000);
  EXPECT_EQ(histogram.Quantile(0.5), 2);
}

TEST(Histogram, QuantileTakesWhatIsOutOfRangeAsTheNearestEnd) {
  Histogram histogram({1});
  histogram.Observe(0.5);
  EXPECT_EQ(histogram.Quantile(7), 1);
  EXPECT_EQ(histogram.Quantile(-1), 0);
}

TEST(LatencyBounds, AscendFromHalfAMillisecondToTenSeconds) {
  const std::vector<double> bounds = LatencyBounds();
  EXPECT_EQ(bounds.front(), 0.0005);
  EXPECT_EQ(bounds.back(), 10);
  for (std::size_t i = 1; i < bounds.size(); ++i) EXPECT_GT(bounds[i], bounds[i - 1]);
}

TEST(Metrics, RendersEachFamilyOnceWithItsSeries) {
  const auto metrics = MakeMetrics();
  metrics->AddCounter("calls_total", "Calls made", {{"backend", "user"}}).Increment(3);
  metrics->AddCounter("calls_total", "Calls made", {{"backend", "order"}}).Increment();
  metrics->AddGauge("open_connections", "Connections").Set(-1.5);
  EXPECT_EQ(metrics->RenderPrometheus(),
            "# HELP calls_total Calls made\n"
            "# TYPE calls_total counter\n"
            "calls_total{backend=\"order\"} 1\n"
            "calls_total{backend=\"user\"} 3\n"
            "# HELP open_connections Connections\n"
            "# TYPE open_connections gauge\n"
            "open_connections -1.5\n");
}

TEST(Metrics, RendersAHistogramCumulatively) {
  const auto metrics = MakeMetrics();
  Histogram& histogram = metrics->AddHistogram("wait_seconds", "Waits", {0.1, 1});
  histogram.Observe(0.05);
  histogram.Observe(0.5);
  histogram.Observe(5);
  const std::string text = metrics->RenderPrometheus();
  EXPECT_THAT(text, HasSubstr("# TYPE wait_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_count 3\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_sum 5.55\n"));
}

TEST(Metrics, EscapesLabelValues) {
  const auto metrics = MakeMetrics();
  metrics->AddGauge("g", "h", {{"l", "a\"b\\c\nd"}});
  EXPECT_THAT(metrics->RenderPrometheus(), HasSubstr("g{l=\"a\\\"b\\\\c\\nd\"} 0\n"));
}

TEST(Metrics, TheSameNameAndLabelsInAnyOrderAreTheSameInstrument) {
  const auto metrics = MakeMetrics();
  Counter& first = metrics->AddCounter("c_total", "h", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(&first, &metrics->AddCounter("c_total", "h", {{"b", "2"}, {"a", "1"}}));
  EXPECT_NE(&first, &metrics->AddCounter("c_total", "h", {{"a", "1"}, {"b", "3"}}));
  Histogram& histogram = metrics->AddHistogram("h", "h", {1, 2});
  EXPECT_EQ(&histogram, &metrics->AddHistogram("h", "h", {1, 2}));
  EXPECT_EQ(&metrics->AddGauge("g", "h"), &metrics->AddGauge("g", "h"));
}

TEST(Metrics, ReadsCallbacksWhenScraped) {
  const auto metrics = MakeMetrics();
  double level = 1;
  metrics->AddCallbackGauge("level", "Level", {}, [&level] { return level; });
  metrics->AddCallbackCounter("seen_total", "Seen", {}, [&level] { return level * 10; });
  level = 2;
  const std::string text = metrics->RenderPrometheus();
  EXPECT_THAT(text, HasSubstr("# TYPE level gauge\nlevel 2\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE seen_total counter\nseen_total 20\n"));
}

TEST(Metrics, ACallbackMayUseTheRegistry) {
  const auto metrics = MakeMetrics();
  metrics->AddCallbackGauge("outer", "h", {}, [&metrics] {
    metrics->AddCounter("inner_total", "h").Increment();
    return 1.0;
  });
  EXPECT_THAT(metrics->RenderPrometheus(), Not(HasSubstr("inner_total 1")));
  EXPECT_THAT(metrics->RenderPrometheus(), HasSubstr("inner_total"));
}

TEST(MetricsDeathTest, MalformedNamesCrash) {
  const auto metrics = MakeMetrics();
  EXPECT_DEATH(metrics->AddGauge("a-b", "h"), "metric a-b: not a metric's name");
  EXPECT_DEATH(metrics->AddGauge("1st", "h"), "not a metric's name");
  EXPECT_DEATH(metrics->AddGauge("", "h"), "not a metric's name");
  EXPECT_DEATH(metrics->AddGauge("g", "h", {{"x y", "1"}}), "not a label's name: x y");
  EXPECT_DEATH(metrics->AddGauge("g", "h", {{"x", "1"}, {"x", "2"}}), "a label is given twice");
}

TEST(MetricsDeathTest, OnlyCountersEndInTotal) {
  const auto metrics = MakeMetrics();
  EXPECT_DEATH(metrics->AddCounter("calls", "h"), "counters, and only they, end in _total");
  EXPECT_DEATH(metrics->AddGauge("g_total", "h"), "counters, and only they, end in _total");
}

TEST(MetricsDeathTest, OneNameForTwoThingsCrashes) {
  const auto metrics = MakeMetrics();
  metrics->AddGauge("g", "h");
  metrics->AddHistogram("h", "h", {1, 2});
  metrics->AddCallbackGauge("read", "h", {}, [] { return 0.0; });
  EXPECT_DEATH(metrics->AddHistogram("g", "h", {1}), "is of another type already");
  EXPECT_DEATH(metrics->AddHistogram("h", "h", {1, 3}), "has other bounds already");
  EXPECT_DEATH(metrics->AddGauge("read", "h"), "is read through a callback already");
  EXPECT_DEATH(metrics->AddCallbackGauge("g", "h", {}, [] { return 0.0; }),
               "these labels have an instrument already");
}

TEST(ProcessMetrics, AreAllThere) {
  const auto metrics = MakeMetrics();
  AddProcessMetrics(*metrics);
  const std::string text = metrics->RenderPrometheus();
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_threads", "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name + " "));
  }
  EXPECT_THAT(text, Not(HasSubstr("process_resident_memory_bytes 0\n")));
}

}  // namespace
}  // namespace scaleout
