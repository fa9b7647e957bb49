#include "services/order/charge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace scaleout::order {
namespace {

const UserId kOwner(7);
const Money kTotal = {1999, "EUR"};

Charge Captured(const Money& amount = kTotal, UserId user_id = kOwner) {
  return {OrderId(5), user_id, amount};
}

Charge Refused(UserId user_id = kOwner) { return {OrderId(5), user_id, std::nullopt}; }

void Expect(const Charge& charge, OrderState state, ChargeEffect effect, OrderState next) {
  const ChargeVerdict verdict = Judge(charge, kOwner, state, kTotal);
  EXPECT_EQ(ChargeEffectName(verdict.effect), ChargeEffectName(effect)) << OrderStateName(state);
  EXPECT_EQ(OrderStateName(verdict.next), OrderStateName(next)) << OrderStateName(state);
}

void ExpectNoMove(const Charge& charge, OrderState state, ChargeEffect effect) {
  Expect(charge, state, effect, state);
}

TEST(Charge, ThatIsCapturedMovesAnOrderThatCanBePaid) {
  Expect(Captured(), OrderState::kPending, ChargeEffect::kMoved, OrderState::kPaid);
  Expect(Captured(), OrderState::kPaymentFailed, ChargeEffect::kMoved, OrderState::kPaid);
}

TEST(Charge, ThatIsCapturedChangesNothingInAnyOtherState) {
  for (const OrderState state :
       {OrderState::kPaid, OrderState::kFulfilled, OrderState::kCancelled}) {
    ExpectNoMove(Captured(), state, ChargeEffect::kNotAllowed);
  }
}

TEST(Charge, ThatIsRefusedMovesAPendingOrderAlone) {
  Expect(Refused(), OrderState::kPending, ChargeEffect::kMoved, OrderState::kPaymentFailed);
  ExpectNoMove(Refused(), OrderState::kPaymentFailed, ChargeEffect::kUnchanged);
  for (const OrderState state :
       {OrderState::kPaid, OrderState::kFulfilled, OrderState::kCancelled}) {
    ExpectNoMove(Refused(), state, ChargeEffect::kNotAllowed);
  }
}

TEST(Charge, OfAnotherUserChangesNothing) {
  for (const OrderState state : kOrderStates) {
    ExpectNoMove(Captured(kTotal, UserId(8)), state, ChargeEffect::kOtherUser);
    ExpectNoMove(Refused(UserId(8)), state, ChargeEffect::kOtherUser);
  }
}

TEST(Charge, OfAnotherAmountOrCurrencyChangesNothing) {
  for (const OrderState state : kOrderStates) {
    for (const Money& other : {Money{1998, "EUR"}, Money{2000, "EUR"}, Money{1999, "USD"}}) {
      ExpectNoMove(Captured(other), state, ChargeEffect::kOtherAmount);
    }
  }
}

TEST(ChargeEffect, HasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const ChargeEffect effect : kChargeEffects) names.insert(ChargeEffectName(effect));
  EXPECT_EQ(names.size(), kChargeEffects.size());
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace scaleout::order
