#include "services/order/order_state.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace scaleout::order {
namespace {

using enum OrderState;
using enum OrderEvent;

TEST(OrderState, MovesAsTheContractSaysForEveryStateAndEvent) {
  const std::map<std::pair<OrderState, OrderEvent>, OrderState> allowed = {
      {{kPending, kCharged}, kPaid},          {{kPending, kChargeRefused}, kPaymentFailed},
      {{kPending, kCalledOff}, kCancelled},   {{kPaid, kDelivered}, kFulfilled},
      {{kPaymentFailed, kCharged}, kPaid},    {{kPaymentFailed, kChargeRefused}, kPaymentFailed},
      {{kCancelled, kCalledOff}, kCancelled},
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
