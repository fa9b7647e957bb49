#include "gateway/auth/revocation_set.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;

constexpr SessionNumber kFirst{.high = 1, .low = 1};
constexpr SessionNumber kSecond{.high = 1, .low = 2};
constexpr SessionNumber kThird{.high = 2, .low = 1};

TEST(RevocationSet, ContainsWhatWasAdded) {
  RevocationSet set;
  EXPECT_TRUE(set.Add(kFirst, MonotonicTime()));
  EXPECT_TRUE(set.Contains(kFirst));
  EXPECT_FALSE(set.Contains(kSecond));
  EXPECT_FALSE(set.Contains(kThird));
}

TEST(RevocationSet, RefusesWhatHasNoPlaceAndTakesWhatItHas) {
  RevocationSet set(2);
  EXPECT_TRUE(set.Add(kFirst, MonotonicTime()));
  EXPECT_TRUE(set.Add(kSecond, MonotonicTime()));
  EXPECT_FALSE(set.Add(kThird, MonotonicTime()));
  EXPECT_FALSE(set.Contains(kThird));
  EXPECT_TRUE(set.Add(kFirst, MonotonicTime()));
  EXPECT_EQ(set.size(), 2U);
}

TEST(RevocationSet, DropsEachAtItsAgeSinceItWasAddedFirst) {
  RevocationSet set(2);
  const testing::FakeClock clock;
  const MonotonicTime start = clock.Now();
  set.Add(kFirst, start);
  set.Add(kSecond, start + 1min);
  set.Add(kFirst, start + 2min);
  set.DropOld(start + kRevocationAge - 1ns, 10);
  EXPECT_EQ(set.size(), 2U);
  set.DropOld(start + kRevocationAge, 10);
  EXPECT_FALSE(set.Contains(kFirst));
  EXPECT_TRUE(set.Contains(kSecond));
  EXPECT_TRUE(set.Add(kThird, start + kRevocationAge));
  set.DropOld(start + kRevocationAge + 1min, 10);
  EXPECT_FALSE(set.Contains(kSecond));
  EXPECT_TRUE(set.Contains(kThird));
}

TEST(RevocationSet, DropsNoMoreAtATimeThanItIsAskedTo) {
  RevocationSet set;
  set.Add(kFirst, MonotonicTime());
  set.Add(kSecond, MonotonicTime());
  set.DropOld(MonotonicTime() + kRevocationAge, 1);
  EXPECT_EQ(set.size(), 1U);
  set.DropOld(MonotonicTime() + kRevocationAge, 1);
  EXPECT_EQ(set.size(), 0U);
}

}  // namespace
}  // namespace scaleout::gateway
