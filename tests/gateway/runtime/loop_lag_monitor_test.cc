#include "gateway/runtime/loop_lag_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <thread>

#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

using ::scaleout::testing::FakeClock;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

const RouteDescription kUsers{"/api/users"};
const RouteDescription kCpuBound{"/api/cpu-bound"};

class LoopLagMonitorTest : public ::testing::Test {
 protected:
  // The loop waits for its timer, and takes it `late`.
  void Tick(Duration late = Duration::zero()) {
    clock_.Advance(next_ - clock_.Now() + late);
    TakeTick();
  }
  // The loop finds its timer due, after whatever it did.
  void TakeTick() {
    const MonotonicTime now = clock_.Now();
    monitor_.OnTick(next_, now);
    while (next_ <= now) next_ += kLagTick;
  }
  void Hold(const RouteDescription& route, Duration time) {
    monitor_.EnterRoute(route);
    clock_.Advance(time);
    monitor_.LeaveRoute();
  }
  std::string Page() const { return metrics_->RenderPrometheus(); }
  // The number behind `series` on the page.
  double Value(const std::string& series) const {
    const std::string page = Page();
    const std::size_t at = page.find(series + " ");
    if (at == std::string::npos) {
      ADD_FAILURE() << "no series " << series;
      return -1;
    }
    return std::stod(page.substr(at + series.size()));
  }
  double Samples() const { return Value("gateway_event_loop_lag_seconds_count{loop=\"0\"}"); }
  double SampleSum() const { return Value("gateway_event_loop_lag_seconds_sum{loop=\"0\"}"); }

  FakeClock clock_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  LoopLagMonitor monitor_{clock_, 0, *metrics_};
  MonotonicTime next_ = clock_.Now() + kLagTick;
};

TEST_F(LoopLagMonitorTest, SaysNothingBeforeTheFirstTick) {
  clock_.Advance(seconds(60));
  EXPECT_EQ(monitor_.CurrentLag(clock_.Now()), Duration::zero());
  EXPECT_EQ(monitor_.TakeObservation(clock_.Now()).ticks, 0u);
  EXPECT_EQ(monitor_.Snapshot().lag_seconds_max, 0);
}

TEST_F(LoopLagMonitorTest, TakesOneSampleATickWhileTheLoopIsOnTime) {
  for (int i = 0; i < 100; ++i) Tick(std::chrono::microseconds(60));
  EXPECT_EQ(Samples(), 100);
  EXPECT_NEAR(monitor_.Snapshot().lag_seconds_mean, 60e-6, 1e-9);
  EXPECT_NEAR(monitor_.Snapshot().lag_seconds_max, 60e-6, 1e-9);
  EXPECT_EQ(monitor_.Snapshot().stalls, 0);
}

TEST_F(LoopLagMonitorTest, AddsTheSamplesThatAStallSwallowed) {
  Tick();
  Tick(milliseconds(35));
  // 35, 25, 15 and 5 ms, after one on time.
  EXPECT_EQ(Samples(), 5);
  EXPECT_NEAR(SampleSum(), 0.080, 1e-9);
  EXPECT_NEAR(monitor_.Snapshot().lag_seconds_max, 0.035, 1e-9);
}

TEST_F(LoopLagMonitorTest, AddsNoSampleForAStallOfWholeTicks) {
  Tick(milliseconds(30));
  EXPECT_EQ(Samples(), 3);  // 30, 20, 10: the tick that is due now is not late
  EXPECT_NEAR(SampleSum(), 0.060, 1e-9);
}

TEST_F(LoopLagMonitorTest, AThreeSecondStallIsThreeHundredSamplesAndTheirQuantiles) {
  for (int i = 0; i < 700; ++i) Tick();
  Tick(seconds(3));
  EXPECT_EQ(Samples(), 1000);
  const LoopLagSnapshot snapshot = monitor_.Snapshot();
  EXPECT_NEAR(snapshot.lag_seconds_max, 3, 1e-9);
  EXPECT_LT(snapshot.lag_seconds_p50, 0.001);
  EXPECT_GT(snapshot.lag_seconds_p99, 2.5);  // without the correction: 0
  EXPECT_NEAR(snapshot.lag_seconds_mean, 0.45, 0.01);
}

TEST_F(LoopLagMonitorTest, TakesATickThatCameEarlyForOneOnTime) {
  monitor_.OnTick(next_, next_ - milliseconds(1));
  EXPECT_EQ(Samples(), 1);
  EXPECT_EQ(SampleSum(), 0);
}

TEST_F(LoopLagMonitorTest, ShowsTheLagGrowWhileTheLoopIsBlocked) {
  Tick();
  clock_.Advance(milliseconds(10));
  EXPECT_EQ(monitor_.CurrentLag(clock_.Now()), Duration::zero());
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(monitor_.CurrentLag(clock_.Now()), milliseconds(1));
  clock_.Advance(seconds(3));
  EXPECT_EQ(monitor_.CurrentLag(clock_.Now()), milliseconds(3001));
  EXPECT_NEAR(monitor_.Snapshot().lag_seconds_current, 3.001, 1e-9);
  EXPECT_NEAR(monitor_.Snapshot().lag_seconds_max, 3.001, 1e-9);
  EXPECT_THAT(Page(), HasSubstr("gateway_event_loop_current_lag_seconds{loop=\"0\"} 3.001\n"));
  TakeTick();
  EXPECT_EQ(monitor_.CurrentLag(clock_.Now()), Duration::zero());
}

TEST_F(LoopLagMonitorTest, ExpectsTheNextTickOnTheOldSchedule) {
  Tick(milliseconds(34));
  clock_.Advance(milliseconds(6));
  EXPECT_EQ(monitor_.CurrentLag(clock_.Now()), Duration::zero());
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(monitor_.CurrentLag(clock_.Now()), milliseconds(1));
}

TEST_F(LoopLagMonitorTest, BlamesAStallOnTheRouteThatHeldTheLoopLongest) {
  Tick();
  Hold(kUsers, milliseconds(1));
  Hold(kCpuBound, milliseconds(500));
  Hold(kUsers, milliseconds(2));
  TakeTick();
  EXPECT_EQ(monitor_.Snapshot().stalls, 1);
  const std::string page = Page();
  EXPECT_THAT(page, HasSubstr("gateway_event_loop_stalls_total{loop=\"0\","
                              "route=\"/api/cpu-bound\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("gateway_event_loop_stall_seconds_total{loop=\"0\","
                              "route=\"/api/cpu-bound\"} 0.493\n"));
  EXPECT_THAT(page, Not(HasSubstr("route=\"/api/users\"")));
}

// One tick after 10 ms, taken 40 ms late: 50 ms, of which one route held the loop for `held`.
TEST_F(LoopLagMonitorTest, BlamesARouteForHalfOfTheStallAndNotForLess) {
  const auto stall = [this](const RouteDescription& route, Duration held) {
    Tick();
    Hold(route, held);
    clock_.Advance(milliseconds(50) - held);
    TakeTick();
  };
  stall(kUsers, milliseconds(20) - Duration(1));
  EXPECT_THAT(Page(), HasSubstr("stalls_total{loop=\"0\",route=\"none\"} 1\n"));
  EXPECT_THAT(Page(), Not(HasSubstr("route=\"/api/users\"")));
  stall(kCpuBound, milliseconds(20));
  EXPECT_THAT(Page(), HasSubstr("stalls_total{loop=\"0\",route=\"/api/cpu-bound\"} 1\n"));
}

TEST_F(LoopLagMonitorTest, BlamesNoRouteWhenManyTurnsMadeTheStall) {
  Tick();
  for (int i = 0; i < 50; ++i) Hold(i % 2 == 0 ? kUsers : kCpuBound, milliseconds(1));
  TakeTick();
  EXPECT_THAT(Page(), HasSubstr("gateway_event_loop_stalls_total{loop=\"0\",route=\"none\"} 1\n"));
}

TEST_F(LoopLagMonitorTest, BlamesNoRouteForAStallOutsideOfEveryRoute) {
  Tick(milliseconds(100));
  EXPECT_THAT(Page(), HasSubstr("gateway_event_loop_stalls_total{loop=\"0\",route=\"none\"} 1\n"));
}

TEST_F(LoopLagMonitorTest, DoesNotBlameARouteForTheStallAfterItsOwn) {
  Tick();
  Hold(kCpuBound, milliseconds(500));
  TakeTick();
  Tick(milliseconds(100));
  const std::string page = Page();
  EXPECT_THAT(page, HasSubstr("stalls_total{loop=\"0\",route=\"/api/cpu-bound\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("stalls_total{loop=\"0\",route=\"none\"} 1\n"));
}

TEST_F(LoopLagMonitorTest, CallsOnlyMoreThan25MillisecondsAStall) {
  Tick();
  Tick(milliseconds(25));
  EXPECT_EQ(monitor_.Snapshot().stalls, 0);
  EXPECT_THAT(Page(), Not(HasSubstr("stalls_total")));
  Tick(milliseconds(25) + Duration(1));
  EXPECT_EQ(monitor_.Snapshot().stalls, 1);
}

TEST_F(LoopLagMonitorTest, EndsARoutesTurnWhenAnotherBegins) {
  Tick();
  monitor_.EnterRoute(kCpuBound);
  clock_.Advance(milliseconds(100));
  monitor_.EnterRoute(kUsers);
  clock_.Advance(milliseconds(1));
  monitor_.LeaveRoute();
  monitor_.LeaveRoute();
  TakeTick();
  EXPECT_THAT(Page(), HasSubstr("stalls_total{loop=\"0\",route=\"/api/cpu-bound\"} 1\n"));
}

TEST_F(LoopLagMonitorTest, NamesTheRouteThatHoldsTheLoopNow) {
  EXPECT_EQ(monitor_.Snapshot().holding_route, "");
  monitor_.EnterRoute(kCpuBound);
  EXPECT_EQ(monitor_.Snapshot().holding_route, "/api/cpu-bound");
  monitor_.LeaveRoute();
  EXPECT_EQ(monitor_.Snapshot().holding_route, "");
}

TEST_F(LoopLagMonitorTest, AttributesStallsOfRoutesOverTheMaximumToNone) {
  std::deque<RouteDescription> routes;
  for (std::size_t i = 0; i <= kMaxRoutesWithStalls; ++i) {
    routes.push_back({"/" + std::to_string(i)});
    Tick();
    Hold(routes.back(), milliseconds(100));
    TakeTick();
  }
  const std::string last = std::to_string(kMaxRoutesWithStalls - 1);
  EXPECT_THAT(Page(), HasSubstr("stalls_total{loop=\"0\",route=\"/" + last + "\"} 1\n"));
  EXPECT_THAT(Page(), HasSubstr("stalls_total{loop=\"0\",route=\"none\"} 1\n"));
}

TEST_F(LoopLagMonitorTest, ObservesARunningLagAndItsRoute) {
  Tick();
  monitor_.EnterRoute(kCpuBound);
  clock_.Advance(milliseconds(40));
  const LoopObservation seen = monitor_.TakeObservation(clock_.Now());
  EXPECT_EQ(seen.ticks, 1u);
  EXPECT_EQ(seen.lag, milliseconds(30));
  EXPECT_EQ(seen.route, "/api/cpu-bound");
}

TEST_F(LoopLagMonitorTest, ObservesTheWorstLagSinceTheLastLookOnce) {
  Tick();
  Hold(kCpuBound, milliseconds(40));
  TakeTick();
  Tick(milliseconds(2));
  const LoopObservation seen = monitor_.TakeObservation(clock_.Now());
  EXPECT_EQ(seen.ticks, 3u);
  EXPECT_EQ(seen.lag, milliseconds(30));
  EXPECT_EQ(seen.route, "/api/cpu-bound");
  EXPECT_EQ(monitor_.TakeObservation(clock_.Now()).lag, Duration::zero());
  EXPECT_EQ(monitor_.TakeObservation(clock_.Now()).route, "none");
}

TEST_F(LoopLagMonitorTest, HasTheSeriesOfItsLoop) {
  Tick(milliseconds(1));
  monitor_.OnWake(clock_.Now());
  clock_.Advance(milliseconds(5));
  const std::string page = Page();
  for (const char* line : {
           "gateway_event_loop_lag_seconds_count{loop=\"0\"} 1\n",
           "gateway_event_loop_lag_seconds_bucket{loop=\"0\",le=\"0.0005\"} 0\n",
           "gateway_event_loop_lag_seconds_bucket{loop=\"0\",le=\"0.001\"} 1\n",
           "gateway_event_loop_lag_seconds_bucket{loop=\"0\",le=\"5\"} 1\n",
           "gateway_event_loop_lag_max_seconds{loop=\"0\"} 0.001\n",
           "gateway_event_loop_current_lag_seconds{loop=\"0\"} 0\n",
           "gateway_event_loop_utilization_ratio{loop=\"0\"} 1\n",
       }) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST(LoopLagMonitors, HaveSeriesOfTheirOwn) {
  FakeClock clock;
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  LoopLagMonitor first(clock, 0, *metrics);
  LoopLagMonitor second(clock, 1, *metrics);
  second.OnTick(clock.Now() - milliseconds(40), clock.Now());
  EXPECT_THAT(metrics->RenderPrometheus(),
              HasSubstr("gateway_event_loop_stalls_total{loop=\"1\",route=\"none\"} 1\n"));
  EXPECT_EQ(first.Snapshot().stalls, 0);
  EXPECT_EQ(second.Snapshot().loop, 1u);
}

TEST(LoopLagMonitors, MayBeReadByOtherThreadsWhileTheLoopRuns) {
  FakeClock clock;
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  LoopLagMonitor monitor(clock, 0, *metrics);
  std::atomic<bool> done = false;
  std::jthread scraper([&] {
    while (!done) {
      metrics->RenderPrometheus();
      const LoopLagSnapshot snapshot = monitor.Snapshot();
      EXPECT_GE(snapshot.lag_seconds_current, 0);
      EXPECT_LE(snapshot.utilization_ratio, 1);
    }
  });
  std::jthread watchdog([&] {
    while (!done) {
      const LoopObservation seen = monitor.TakeObservation(clock.Now());
      EXPECT_FALSE(seen.route.empty());
    }
  });
  MonotonicTime next = clock.Now();
  for (int i = 0; i < 5'000; ++i) {
    monitor.OnWake(clock.Now());
    monitor.EnterRoute(i % 2 == 0 ? kUsers : kCpuBound);
    clock.Advance(milliseconds(i % 50));
    monitor.LeaveRoute();
    const MonotonicTime now = clock.Now();
    if (now >= next) monitor.OnTick(next, now);
    while (next <= now) next += kLagTick;
    monitor.OnIdle(now);
  }
  done = true;
  scraper.join();
  watchdog.join();
  EXPECT_GT(monitor.Snapshot().stalls, 0);
}

}  // namespace
}  // namespace scaleout::gateway
