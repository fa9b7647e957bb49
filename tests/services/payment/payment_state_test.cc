#include "services/payment/payment_state.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace scaleout::payment {
namespace {

TEST(PaymentState, MovesAsTheContractSaysForEveryStateAndEvent) {
  const std::map<std::pair<PaymentState, PaymentEvent>, PaymentState> allowed = {
      {{PaymentState::kAuthorized, PaymentEvent::kCaptured}, PaymentState::kCaptured},
      {{PaymentState::kAuthorized, PaymentEvent::kDeclined}, PaymentState::kFailed},
      {{PaymentState::kAuthorized, PaymentEvent::kVoided}, PaymentState::kVoided},
      {{PaymentState::kCaptured, PaymentEvent::kRefunded}, PaymentState::kRefunded},
  };
  for (const PaymentState state : kPaymentStates) {
    for (const PaymentEvent event : kPaymentEvents) {
      const auto found = allowed.find({state, event});
      const auto expected =
          found == allowed.end() ? std::nullopt : std::optional<PaymentState>(found->second);
      EXPECT_EQ(NextState(state, event), expected)
          << PaymentStateName(state) << " event " << static_cast<int>(event);
    }
  }
}

TEST(PaymentState, HasANameForEveryStateAndBack) {
  for (const PaymentState state : kPaymentStates) {
    EXPECT_EQ(FindPaymentState(PaymentStateName(state)), state);
  }
  EXPECT_EQ(FindPaymentState("SOMETHING"), std::nullopt);
}

}  // namespace
}  // namespace scaleout::payment
