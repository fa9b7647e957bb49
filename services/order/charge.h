// A charge that the payment service reports, and what it does to its order.
//
// The payment service does not ask this one before it charges, so a report may fit no order: such a
// report changes nothing. Pure.
#ifndef SCALEOUT_SERVICES_ORDER_CHARGE_H_
#define SCALEOUT_SERVICES_ORDER_CHARGE_H_

#include <array>
#include <optional>
#include <string_view>

#include "services/order/order.h"

namespace scaleout::order {

struct Charge {
  OrderId order_id;
  UserId user_id;
  std::optional<Money> captured;  // none: the provider has refused the charge
};

// What became of the order.
enum class ChargeEffect {
  kMoved,
  kUnchanged,  // it is in the state that the charge leads to, and stays in it
  // Why the charge changes nothing:
  kNoSuchOrder,
  kOtherUser,    // the order belongs to another user
  kOtherAmount,  // the order's total is another amount
  kNotAllowed,   // order_state.h refuses the charge in the order's state
};

inline constexpr std::array kChargeEffects = {
    ChargeEffect::kMoved,     ChargeEffect::kUnchanged,   ChargeEffect::kNoSuchOrder,
    ChargeEffect::kOtherUser, ChargeEffect::kOtherAmount, ChargeEffect::kNotAllowed};

// "moved", "no_such_order": for a log.
std::string_view ChargeEffectName(ChargeEffect effect);

struct ChargeVerdict {
  ChargeEffect effect = ChargeEffect::kUnchanged;
  OrderState next = OrderState::kPending;  // the order's state afterwards
};

// What the charge does to an order of that user, in that state and with that total.
ChargeVerdict Judge(const Charge& charge, UserId user_id, OrderState state, const Money& total);

}  // namespace scaleout::order

#endif  // SCALEOUT_SERVICES_ORDER_CHARGE_H_
