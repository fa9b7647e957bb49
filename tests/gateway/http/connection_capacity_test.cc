#include "gateway/http/connection_capacity.h"

#include <gtest/gtest.h>

namespace scaleout::gateway {
namespace {

TEST(ConnectionCapacity, KeepsAReserveOfDescriptors) {
  EXPECT_EQ(ConnectionsThatFit(1024, 1), 1024 - kReservedDescriptors);
  EXPECT_EQ(ConnectionsThatFit(1024, 2), (1024 - kReservedDescriptors) / 2);
  EXPECT_EQ(ConnectionsThatFit(kReservedDescriptors, 1), 0U);
  EXPECT_EQ(ConnectionsThatFit(10, 1), 0U);
}

TEST(ConnectionCapacity, TheDefaultIsWhatFitsUpToABound) {
  EXPECT_EQ(MaxConnections(0, 1024, 1), 1024 - kReservedDescriptors);
  EXPECT_EQ(MaxConnections(0, 1'000'000, 4), kDefaultMaxConnections);
}

TEST(ConnectionCapacity, WhatIsConfiguredHoldsIfItFits) {
  EXPECT_EQ(MaxConnections(100, 1024, 1), 100U);
  EXPECT_EQ(MaxConnections(20'000, 1'000'000, 1), 20'000U);
  EXPECT_EQ(MaxConnections(20'000, 1024, 1), 1024 - kReservedDescriptors);
}

}  // namespace
}  // namespace scaleout::gateway
