#include "service/events/inbox.h"

#include <gtest/gtest.h>

namespace scaleout {
namespace {

EventTurn Turn(std::int64_t sequence, std::int64_t after, std::int64_t position) {
  events::v1::Event event;
  event.sequence = sequence;
  event.after = after;
  return TurnOf(event, position);
}

TEST(TurnOfTest, FirstEventOfAnAggregateIsDueWithWhateverSequence) {
  EXPECT_EQ(Turn(1, 0, 0), EventTurn::kNow);
  EXPECT_EQ(Turn(1'000'000, 0, 0), EventTurn::kNow);
}

TEST(TurnOfTest, EventUpToThePositionWasHandled) {
  EXPECT_EQ(Turn(5, 0, 5), EventTurn::kHandled);
  EXPECT_EQ(Turn(4, 3, 5), EventTurn::kHandled);
  EXPECT_EQ(Turn(6, 0, 5), EventTurn::kNow);
}

TEST(TurnOfTest, EventIsTooEarlyUntilTheOneThatItFollowsWasHandled) {
  EXPECT_EQ(Turn(9, 7, 5), EventTurn::kTooEarly);
  EXPECT_EQ(Turn(9, 6, 5), EventTurn::kTooEarly);
  EXPECT_EQ(Turn(9, 5, 5), EventTurn::kNow);
  EXPECT_EQ(Turn(9, 4, 5), EventTurn::kNow);
  EXPECT_EQ(Turn(9, 7, 0), EventTurn::kTooEarly);
}

TEST(AggregateOfTest, IsTheKindAndTheId) {
  events::v1::Event event;
  event.type = "payment.captured";
  event.aggregate_id = 7;
  EXPECT_EQ(AggregateOf(event), AggregateKey("payment", 7));
}

}  // namespace
}  // namespace scaleout
