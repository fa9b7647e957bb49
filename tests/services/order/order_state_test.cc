#include "services/order/order_state.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace scaleout::order {
namespace {

using State = OrderState;
using Event = OrderEvent;

TEST(OrderState, MovesAsTheContractSaysForEveryStateAndEvent) {
  const std::map<std::pair<OrderState, OrderEvent>, OrderState> allowed = {
      {{State::kPending, Event::kReserved}, State::kReserved},
      {{State::kPaymentFailed, Event::kReserved}, State::kReserved},
      {{State::kReserved, Event::kCharged}, State::kPaid},
      {{State::kReserved, Event::kChargeRefused}, State::kPaymentFailed},
      {{State::kPaid, Event::kDelivered}, State::kFulfilled},
      {{State::kPending, Event::kCalledOff}, State::kCancelled},
      {{State::kPaymentFailed, Event::kCalledOff}, State::kCancelled},
      {{State::kPaid, Event::kCalledOff}, State::kRefunding},
      {{State::kRefunding, Event::kCalledOff}, State::kRefunding},
      {{State::kCancelled, Event::kCalledOff}, State::kCancelled},
      {{State::kRefunding, Event::kRefunded}, State::kCancelled},
  };
  for (const OrderState state : kOrderStates) {
    for (const OrderEvent event : kOrderEvents) {
      const auto found = allowed.find({state, event});
      const auto expected =
          found == allowed.end() ? std::nullopt : std::optional<OrderState>(found->second);
      EXPECT_EQ(NextState(state, event), expected)
          << OrderStateName(state) << " event " << static_cast<int>(event);
    }
  }
}

TEST(OrderState, HasANameForEveryStateAndBack) {
  for (const OrderState state : kOrderStates) {
    EXPECT_EQ(FindOrderState(OrderStateName(state)), state);
  }
  EXPECT_EQ(FindOrderState("SOMETHING"), std::nullopt);
  EXPECT_EQ(FindOrderState(""), std::nullopt);
}

}  // namespace
}  // namespace scaleout::order
