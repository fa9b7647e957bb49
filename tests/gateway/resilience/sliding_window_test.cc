#include "gateway/resilience/sliding_window.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <random>

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MonotonicTime At(Duration time) { return MonotonicTime(seconds(100) + time); }

TEST(SlidingWindow, IsEmptyAtFirst) {
  SlidingWindow window(seconds(10), 10);
  EXPECT_EQ(window.Totals(At(seconds(0))), CallCounts());
  EXPECT_EQ(CallCounts().FailureRatio(), 0);
  EXPECT_EQ(CallCounts().SlowRatio(), 0);
}

TEST(SlidingWindow, CountsFailedAndSlowCallsApart) {
  SlidingWindow window(seconds(10), 10);
  window.Record(At(seconds(0)), true, false);
  window.Record(At(seconds(1)), false, true);
  window.Record(At(seconds(2)), true, true);
  window.Record(At(seconds(2)), false, false);
  const CallCounts& totals = window.Totals(At(seconds(2)));
  EXPECT_EQ(totals.calls, 4);
  EXPECT_EQ(totals.failed, 2);
  EXPECT_EQ(totals.slow, 2);
  EXPECT_DOUBLE_EQ(totals.FailureRatio(), 0.5);
}

TEST(SlidingWindow, RemembersNineSecondsAndForgetsTen) {
  SlidingWindow window(seconds(10), 10);
  window.Record(At(milliseconds(0)), true, false);
  EXPECT_EQ(window.Totals(At(milliseconds(9'999))).calls, 1);
  EXPECT_EQ(window.Totals(At(milliseconds(10'000))).calls, 0);
}

TEST(SlidingWindow, ForgetsEverythingAfterALongPause) {
  SlidingWindow window(seconds(10), 10);
  for (int i = 0; i < 10; ++i) window.Record(At(seconds(i)), true, true);
  EXPECT_EQ(window.Totals(At(std::chrono::hours(24))), CallCounts());
}

TEST(SlidingWindow, CountsIntoTheNewestBucketWhenTimeRunsBackwards) {
  SlidingWindow window(seconds(10), 10);
  window.Record(At(seconds(5)), true, false);
  window.Record(At(seconds(1)), true, false);
  EXPECT_EQ(window.Totals(At(seconds(12))).calls, 2);
}

TEST(SlidingWindow, IsEmptyAfterAClear) {
  SlidingWindow window(seconds(10), 10);
  window.Record(At(seconds(0)), true, true);
  window.Clear();
  EXPECT_EQ(window.Totals(At(seconds(0))), CallCounts());
  EXPECT_EQ(window.Totals(At(seconds(60))), CallCounts());
}

TEST(SlidingWindow, WorksWithASingleBucket) {
  SlidingWindow window(seconds(1), 1);
  window.Record(At(milliseconds(0)), true, false);
  EXPECT_EQ(window.Totals(At(milliseconds(999))).calls, 1);
  EXPECT_EQ(window.Totals(At(milliseconds(1000))).calls, 0);
}

// Against the plain list of calls, and against its own buckets.
TEST(SlidingWindow, TotalsAreTheSumOfItsBucketsAndOfTheCallsOfItsSpan) {
  struct Call {
    std::int64_t second;
    bool failed;
    bool slow;
  };
  for (const unsigned seed : {1u, 2u, 3u, 4u, 5u}) {
    std::mt19937 random(seed);
    SlidingWindow window(seconds(10), 10);
    std::deque<Call> calls;
    Duration time(0);
    for (int i = 0; i < 20'000; ++i) {
      time += milliseconds(random() % 10 == 0 ? random() % 5000 : random() % 20);
      const bool failed = random() % 3 == 0;
      const bool slow = random() % 5 == 0;
      window.Record(At(time), failed, slow);
      const std::int64_t second = std::chrono::floor<seconds>(At(time).time_since_epoch()).count();
      calls.push_back({second, failed, slow});
      while (calls.front().second <= second - 10) calls.pop_front();

      CallCounts expected;
      for (const Call& call : calls) expected.Add(call.failed, call.slow);
      CallCounts sum;
      for (const CallCounts& bucket : window.buckets()) {
        ASSERT_GE(bucket.calls, 0);
        sum.calls += bucket.calls;
        sum.failed += bucket.failed;
        sum.slow += bucket.slow;
      }
      ASSERT_EQ(window.Totals(At(time)), sum) << "seed " << seed;
      ASSERT_EQ(sum, expected) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace scaleout::gateway
