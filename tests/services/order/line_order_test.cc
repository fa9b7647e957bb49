#include "services/order/line_order.h"

#include <gtest/gtest.h>

namespace scaleout::order {
namespace {

struct Line {
  std::int64_t user;
  std::int64_t order;
  std::int32_t line;
};

bool Holds(const std::vector<Line>& lines) {
  const std::vector<UserId> users = {UserId(7), UserId(9), UserId(1)};
  LineOrder order(users);
  for (const Line& line : lines) order.Check(UserId(line.user), OrderId(line.order), line.line);
  return order.holds();
}

TEST(LineOrder, HoldsForNoLinesAndForThoseInTheOrderOfTheUsers) {
  EXPECT_TRUE(Holds({}));
  EXPECT_TRUE(Holds({{7, 5, 1}, {7, 5, 2}, {7, 3, 1}, {1, 8, 2}, {1, 4, 1}}));
  // The orders of a later user may be newer than those of an earlier one.
  EXPECT_TRUE(Holds({{7, 5, 1}, {9, kMaxId, 1}}));
}

TEST(LineOrder, FailsForAnEarlierUserAndForOneWhoWasNotAskedFor) {
  EXPECT_FALSE(Holds({{9, 5, 1}, {7, 3, 1}}));
  EXPECT_FALSE(Holds({{7, 5, 1}, {9, 4, 1}, {7, 3, 1}}));
  EXPECT_FALSE(Holds({{8, 5, 1}}));
}

TEST(LineOrder, FailsForANewerOrderAfterAnOlderOne) {
  EXPECT_FALSE(Holds({{7, 3, 1}, {7, 5, 1}}));
  EXPECT_FALSE(Holds({{7, 5, 1}, {7, 3, 1}, {7, 5, 2}}));
}

TEST(LineOrder, FailsForLinesThatDoNotAscend) {
  EXPECT_FALSE(Holds({{7, 5, 2}, {7, 5, 1}}));
  EXPECT_FALSE(Holds({{7, 5, 1}, {7, 5, 1}}));
}

TEST(LineOrder, StaysBrokenWhateverFollows) {
  EXPECT_FALSE(Holds({{7, 3, 1}, {7, 5, 1}, {7, 2, 1}, {9, 1, 1}}));
}

}  // namespace
}  // namespace scaleout::order
