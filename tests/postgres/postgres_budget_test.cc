#include "postgres/postgres_budget.h"

#include <gtest/gtest.h>

#include "absl/status/status.h"

namespace scaleout {
namespace {

PostgresBudget OfServer() {
  PostgresBudget budget;
  budget.max_connections = 100;
  budget.reserved = 3;
  budget.role_limit = -1;  // none
  budget.database_limit = -1;
  return budget;
}

TEST(PostgresBudget, IsTheSmallestOfTheLimitsThatAreSet) {
  PostgresBudget budget = OfServer();
  EXPECT_EQ(budget.Available(), 97);
  budget.role_limit = 19;
  EXPECT_EQ(budget.Available(), 19);
  budget.database_limit = 7;
  EXPECT_EQ(budget.Available(), 7);
  budget.role_limit = 200;
  budget.database_limit = 200;
  EXPECT_EQ(budget.Available(), 97);
}

// A role or a database that was closed for new connections while this one was open.
TEST(PostgresBudget, IsNothingUnderALimitOfZero) {
  PostgresBudget budget = OfServer();
  budget.role_limit = 0;
  EXPECT_EQ(budget.Available(), 0);
  budget = OfServer();
  budget.database_limit = 0;
  EXPECT_EQ(budget.Available(), 0);
}

TEST(PostgresBudget, HoldsAPoolOfItsOwnSizeAndNoLarger) {
  EXPECT_TRUE(CheckPostgresBudget(OfServer(), 97).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckPostgresBudget(OfServer(), 98)));
}

}  // namespace
}  // namespace scaleout
