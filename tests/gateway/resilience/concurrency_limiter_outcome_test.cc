#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "tests/gateway/resilience/concurrency_limiter_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(ConcurrencyLimiterTest, LearnsNothingFromIgnoredRequests) {
  Waves(20, milliseconds(2));
  const int before = limit();
  for (int i = 0; i < 50; ++i) {
    std::vector<ConcurrencyPermit> wave = Take(limit());
    clock_.Advance(seconds(3));
  }
  EXPECT_EQ(limit(), before);
  Waves(1, milliseconds(2));
  EXPECT_GE(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, CountsDroppedRequestsAsQueueing) {
  Waves(20, milliseconds(2));
  const int before = limit();
  DropWaves(20, seconds(3));
  EXPECT_LT(limit(), before / 3);
  // And they have not become what is normal: the next second of timely ones grows.
  const int bottom = limit();
  Waves(10, milliseconds(2));
  EXPECT_GT(limit(), bottom);
}

TEST_F(ConcurrencyLimiterTest, LearnsNothingFromARequestThatIsDroppedBeforeItIsLate) {
  Waves(20, milliseconds(2));
  const int before = limit();
  DropWaves(20, milliseconds(100));
  EXPECT_EQ(limit(), before);
}

TEST_F(ConcurrencyLimiterTest, SeesThatRequestsAreLateWhileMostAreDroppedBeforeTheyAre) {
  Waves(20, milliseconds(2));
  const int before = limit();
  for (int i = 0; i < 20; ++i) {
    std::vector<ConcurrencyPermit> late = Take(limit() * 2 / 3);
    clock_.Advance(seconds(1));
    for (int n = 0; n < 100; ++n) {
      std::vector<ConcurrencyPermit> hasty = Take(limit() / 4);
      for (ConcurrencyPermit& permit : hasty) permit.Drop();
    }
    for (ConcurrencyPermit& permit : late) permit.Succeed();
  }
  EXPECT_LT(limit(), before / 3);
}

}  // namespace
}  // namespace scaleout::gateway
