#include "gateway/resilience/random_source.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace scaleout::gateway {
namespace {

TEST(RandomSource, IsUniformBetweenZeroAndOne) {
  const RandomSource random = MakeRandomSource();
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double value = random();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.05);
}

TEST(RandomSource, MayBeSharedByThreadsThatThenDiffer) {
  const RandomSource random = MakeRandomSource();
  std::vector<double> first(4);
  std::vector<std::jthread> threads;
  for (double& value : first) threads.emplace_back([&] { value = random(); });
  for (std::jthread& thread : threads) thread.join();
  EXPECT_NE(first[0], first[1]);
  EXPECT_NE(first[2], first[3]);
}

}  // namespace
}  // namespace scaleout::gateway
