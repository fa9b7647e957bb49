#include "services/order/charge.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace scaleout::order {
namespace {

using enum OrderState;
using enum ChargeEffect;

const Money kTotal = {1999, "EUR"};
constexpr const char* kId = "0f8fad5b-d9cb-469f-a165-70867728950e";

// What the order service knows of the reservation that a report names.
enum class Named { kNothing, kUnknown, kWaiting, kCaptured, kFailed };
constexpr std::array kNamed = {Named::kNothing, Named::kUnknown, Named::kWaiting, Named::kCaptured,
                               Named::kFailed};

ChargeVerdict JudgeReport(Named named, OrderState state, std::optional<Money> captured) {
  ChargedOrder order;
  order.state = state;
  order.total = kTotal;
  order.reserved = named != Named::kNothing && named != Named::kUnknown;
  if (named == Named::kCaptured) order.outcome = ReservationOutcome::kCaptured;
  if (named == Named::kFailed) order.outcome = ReservationOutcome::kFailed;
  return Judge({OrderId(5), named == Named::kNothing ? "" : kId, std::move(captured)}, order);
}

struct Expected {
  ChargeEffect effect;
  OrderState next;
};

// The table, written a second time: what is not listed is a misfit and moves nothing.
Expected Of(Named named, OrderState state, bool captured) {
  const Expected misfit = {captured ? kOrphaned : kIgnored, state};
  switch (named) {
    case Named::kNothing:
      if (state == kPending) return {kMoved, captured ? kPaid : kPaymentFailed};
      if (state == kPaymentFailed && captured) return {kMoved, kPaid};
      if (state == kPaymentFailed) return {kUnchanged, kPaymentFailed};
      return misfit;
    case Named::kUnknown:
      return misfit;
    case Named::kWaiting:
      return state == kReserved ? Expected{kMoved, captured ? kPaid : kPaymentFailed} : misfit;
    case Named::kCaptured:
      return captured ? Expected{kUnchanged, state} : misfit;
    case Named::kFailed:
      return captured ? misfit : Expected{kUnchanged, state};
  }
  return misfit;
}

TEST(Charge, MovesItsOrderAsTheTableSaysForEveryStateReportAndReservation) {
  for (const Named named : kNamed) {
    for (const OrderState state : kOrderStates) {
      for (const bool captured : {true, false}) {
        const Expected expected = Of(named, state, captured);
        const ChargeVerdict verdict =
            JudgeReport(named, state, captured ? std::optional(kTotal) : std::nullopt);
        const std::string where = std::string(OrderStateName(state)) + " reservation " +
                                  std::to_string(static_cast<int>(named)) +
                                  (captured ? " captured" : " failed");
        EXPECT_EQ(ChargeEffectName(verdict.effect), ChargeEffectName(expected.effect)) << where;
        EXPECT_EQ(OrderStateName(verdict.next), OrderStateName(expected.next)) << where;
      }
    }
  }
}

TEST(Charge, OfAnotherAmountOrCurrencyIsOrphanedWhateverTheReservation) {
  for (const Named named : kNamed) {
    for (const OrderState state : kOrderStates) {
      for (const Money& other : {Money{1998, "EUR"}, Money{2000, "EUR"}, Money{1999, "USD"}}) {
        const ChargeVerdict verdict = JudgeReport(named, state, other);
        EXPECT_EQ(ChargeEffectName(verdict.effect), ChargeEffectName(kOrphaned));
        EXPECT_EQ(verdict.next, state);
      }
    }
  }
}

TEST(Charge, WithoutAReservationMustWaitWhileItsOrderIsReservedIfMoneyWasTaken) {
  for (const OrderState state : kOrderStates) {
    ChargedOrder order;
    order.state = state;
    EXPECT_EQ(MustWait({OrderId(5), "", kTotal}, order), state == kReserved);
    EXPECT_FALSE(MustWait({OrderId(5), "", std::nullopt}, order));
    EXPECT_FALSE(MustWait({OrderId(5), kId, kTotal}, order));
  }
}

TEST(Charge, OfNoOrderIsOrphanedIfMoneyWasTaken) {
  EXPECT_EQ(JudgeWithoutOrder({OrderId(5), kId, kTotal}), kOrphaned);
  EXPECT_EQ(JudgeWithoutOrder({OrderId(5), kId, std::nullopt}), kIgnored);
}

TEST(ChargeEffect, HasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const ChargeEffect effect : kChargeEffects) names.insert(ChargeEffectName(effect));
  EXPECT_EQ(names.size(), kChargeEffects.size());
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace scaleout::order
